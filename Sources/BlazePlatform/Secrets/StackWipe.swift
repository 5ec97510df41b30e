internal import CPlatform
internal import CSodium

/// How much of the stack below the caller `wipeStack` clears: more than a key derivation or a cipher uses.
private let wipedStackBytes = 64 << 10

/// Clears what returned calls left on the stack below the caller's frame, and in the registers that would be saved there. Call it from the function that made those
/// calls, so that their frames are the ones cleared; threads here have stacks of 512 KiB.
@inline(never) public func wipeStack() {
    blaze_zero_registers()
    sodium_stackzero(wipedStackBytes)
}
