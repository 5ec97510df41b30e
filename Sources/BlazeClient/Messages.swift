// The messages are part of this library's interface: who imports BlazeClient speaks them, and needs no other import.
@_exported public import BlazeProtocol
