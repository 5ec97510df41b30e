internal import BlazeCommands

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

exit(Blazectl.run(RawArguments.ofProcess()))
