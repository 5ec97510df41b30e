internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

extension Exposure {
    /// What it comes to, the gravest first.
    static func findings(_ survey: Survey, _ directory: File?) -> [Finding] {
        var out = FindingCollector()
        let files = survey.files
        addModes(files, directory, &out)
        let foreign = (files + [directory].compactMap(\.self)).filter { !$0.facts.isOwn }
        out.add(
            .foreignOwner, .advice, count: foreign.count,
            "\(foreign.count) files belong to another user: \(list(foreign))")
        let links = files.filter { $0.facts.kind == .link }
        out.add(.symbolicLink, .note, count: links.count, "\(links.count) files are symbolic links: \(list(links))")
        let copies = files.filter(holdsCopy)
        out.add(
            .leftoverHoldsData, .advice, count: copies.count,
            "\(copies.count) files that operations left hold copies of the data: \(list(copies))")
        let kept = files.filter { $0.role == "kept-set" }
        out.add(
            .keptBeforeRepair, .note, count: kept.count,
            "\(kept.count) directories keep the data from before a repair: \(list(kept, withMode: true))")
        addMetadata(survey, &out)
        addUnknown(survey, &out)
        return out.findings(judgedBy: .free)
    }

    private static func addModes(_ files: [File], _ directory: File?, _ out: inout FindingCollector) {
        let open = files.filter { $0.isOpen && $0.role != "kept-set" }
        let read = open.filter { $0.readers?.areOthers ?? false }
        let closed = open.filter { !($0.readers?.areOthers ?? false) }
        out.add(
            .fileModeOpen, .advice, count: read.count,
            "others than the owner may read \(read.count) files: \(list(read))")
        out.add(
            .fileModeOpen, .note, count: closed.count,
            "the modes of \(closed.count) files let others read them, and a directory keeps others out: \(list(closed))"
        )
        if let directory, directory.facts.mode & 0o077 != 0 {
            let isReached = directory.readers?.areOthers ?? true
            out.add(
                .directoryModeOpen, isReached ? .advice : .note, count: 1,
                isReached
                    ? "others may enter the directory: what BlazeDB saves there next they can read by the usual umask"
                    : "the directory's mode gives others rights in it, but they do not come to the files")
        }
        let keptSets = files.filter {
            $0.role == "kept-set" && $0.facts.kind == .directory && $0.facts.mode & 0o077 != 0
        }
        out.add(
            .directoryModeOpen, keptSets.contains { $0.readers?.areOthers ?? true } ? .advice : .note,
            count: keptSets.count,
            "the modes of \(keptSets.count) directories from before a repair give others rights in them: \(list(keptSets))"
        )
    }

    private static func addMetadata(_ survey: Survey, _ out: inout FindingCollector) {
        if let problem = survey.metadataProblem {
            out.add(
                problem.code == .metadataUnsigned
                    ? Finding(
                        .unsignedMeta, .damage,
                        "the metadata is not signed: what it holds is told as it stands, whoever wrote it")
                    : Finding(.badMeta, .damage, problem.message))
        }
        let own = survey.sources.filter { $0.role == "meta" }
        let mirrors = own.filter { $0.part == .layout && $0.differs }
        out.add(
            .mirrorDiffers, .advice, count: mirrors.count,
            "the unsigned layout holds other ids, indexed values or search words than the signed payload")
        // The copy beside the payload says the same again, unless it differs.
        let counted = own.filter { $0 == own.first || $0.differs || $0.part == .file }
        let indexes = counted.map(\.indexes.count).reduce(0, +)
        out.add(
            .indexedValuesReadable, .note, count: indexes,
            "the values of \(indexes) indexes stand unencrypted in the metadata")
        for source in counted {
            guard let words = source.searchWords else { continue }
            out.add(
                Finding(
                    .searchWordsReadable, .note,
                    "\(words) words of records stand unencrypted in the metadata's search index"
                        + (source.searchFields.isEmpty ? "" : " of \(source.searchFields.count) fields")))
        }
        var copies: [FilePath] = []
        for source in survey.sources where source.role != "meta" && source.holdsValues && copies.last != source.path {
            copies.append(source.path)
        }
        out.add(
            .indexedValuesReadable, .note, count: copies.count,
            "indexed values or search words stand unencrypted in \(copies.count) files beside the metadata: \(list(copies))"
        )
    }

    private static func addUnknown(_ survey: Survey, _ out: inout FindingCollector) {
        for source in survey.sources {
            guard let problem = source.problem else { continue }
            out.add(
                .exposureUnknown, .advice, count: 1, "what can be read in \(name(source.path)) is not known: \(problem)"
            )
        }
        out.add(
            .exposureUnknown, .advice, count: survey.passedOver.count,
            "\(survey.passedOver.count) copies of metadata were not looked into, because there are more than \(EngineLimits.exposedCopies): \(list(survey.passedOver))"
        )
        for directory in survey.unlisted {
            out.add(
                .exposureUnknown, .advice, count: 1,
                "the directory \(directory.displayString) could not be listed: what it holds besides is not known")
        }
        let logs = survey.files.filter { $0.role == Leftover.Kind.transactionLog.rawValue && $0.facts.size > 0 }
        out.add(
            .exposureUnknown, .advice, count: logs.count,
            "what can be read in \(logs.count) transaction logs of very old versions is not known: \(list(logs))")
    }

    /// Whether a file is a leftover with a copy of pages or metadata.
    private static func holdsCopy(_ file: File) -> Bool {
        guard let kind = Leftover.Kind(rawValue: file.role), file.facts.size > 0 else { return false }
        func ends(_ suffixes: String...) -> Bool {
            suffixes.contains { file.facts.path.bytes.suffix($0.utf8.count).elementsEqual($0.utf8) }
        }
        return switch kind {
        case .vacuumMarker, .transactionLog: false
        case .transactionCopy: !ends(".state")
        case .agentTemporary: !ends(".agent_grow", ".agent_rollback", ".agent_repair", ".agent_repair_new")
        case .openBackup, .vacuumNew, .vacuumBackup, .asyncVacuum: true
        }
    }

    private static func name(_ path: FilePath) -> String {
        FilePath(root: nil, [path.lastComponent].compactMap(\.self)).displayString
    }

    private static func list(_ files: [File], withMode: Bool = false) -> String {
        list(files.map { name($0.facts.path) + (withMode ? " (mode \(octal($0.facts.mode)))" : "") })
    }

    private static func list(_ paths: [FilePath]) -> String { list(paths.map(name)) }

    private static func list(_ names: [String]) -> String {
        names.prefix(4).joined(separator: ", ") + (names.count > 4 ? " and \(names.count - 4) more" : "")
    }

    private static func octal(_ mode: UInt16) -> String {
        let text = String(mode & 0o7777, radix: 8)
        return String(repeating: "0", count: max(0, 4 - text.count)) + text
    }
}
