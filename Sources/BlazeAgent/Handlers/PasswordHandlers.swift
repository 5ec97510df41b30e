internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeVault

/// vault-generate and strength: passwords that nothing is kept of.
enum PasswordHandlers {
    /// How long a password is when nobody says.
    private static let usualLength = 24

    static func generate(
        _ request: WireVaultGenerateRequest, secret: inout SecretBytes?, answer: inout SecretBytes?, _ call: Call
    ) throws -> WireVaultGenerateReply {
        let length = request.length == 0 ? usualLength : Int(request.length)
        guard PasswordGenerator.lengths.contains(length) else {
            let (least, most) = (PasswordGenerator.lengths.lowerBound, PasswordGenerator.lengths.upperBound)
            throw Fault(.invalidRequest, "a generated password has from \(least) to \(most) characters")
        }
        var password = try PasswordGenerator.generate(length: length)
        var reply = WireVaultGenerateReply()
        reply.strength = try WireStrength(PasswordStrength.assess(&password))
        answer = consume password
        return reply
    }

    static func strength(
        _ request: WireStrengthRequest, secret: inout SecretBytes?, _ call: Call
    ) throws -> WireStrengthReply {
        guard var password = secret.take() else { throw Fault(.invalidRequest, "strength needs a password") }
        var reply = WireStrengthReply()
        reply.strength = try WireStrength(PasswordStrength.assess(&password))
        return reply
    }
}
