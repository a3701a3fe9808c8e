/// Seals what must be readable again but not from the database alone, such as a signing secret.
package protocol SecretBox: Sendable {
    /// `subject` is the id of the row that holds it: a sealed text opens under no other.
    func seal(_ plaintext: [UInt8], for subject: String) throws -> [UInt8]
    /// - Throws: when it was changed, moved to another row, or sealed under a key that is no longer configured.
    func open(_ sealed: [UInt8], for subject: String) throws -> [UInt8]
}
