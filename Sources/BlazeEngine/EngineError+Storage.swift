internal import BlazePlatform
internal import SystemPackage

/// Carries out calls whose errors are the storage's or the engine's; both are told as the engine's.
func onStorage<T>(_ path: FilePath, _ body: () throws -> T) throws(EngineError) -> T {
    do {
        return try body()
    } catch let error as EngineError {
        throw error
    } catch let error as StorageError {
        throw EngineError(error)
    } catch {
        throw EngineError(.writeFailed, "\(path.displayString) could not be changed", path: path)
    }
}
