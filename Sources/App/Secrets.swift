import Cryptography
import FoundationEssentials
import Store

/// Secrets at rest: AES-256-GCM under the first key; every key opens, so that keys can be rolled.
struct EncryptedSecrets: SecretBox {
    private let keys: [[UInt8]]

    /// 32 bytes each, the one that seals first; there is at least one.
    init(keys: [[UInt8]]) { self.keys = keys }

    /// The sealed bytes open for this subject only.
    func seal(_ plaintext: [UInt8], for subject: String) throws -> [UInt8] {
        guard let newest = keys.first else { throw SecretError.noKey }
        return try AESGCM.seal(plaintext, key: newest, context: Array(subject.utf8))
    }

    func open(_ sealed: [UInt8], for subject: String) throws -> [UInt8] {
        for key in keys {
            do {
                return try AESGCM.open(sealed, key: key, context: Array(subject.utf8))
            } catch {
                continue  // sealed under another key, or changed: the last word is below
            }
        }
        throw SecretError.noKeyOpens
    }
}

enum SecretError: Error, CustomStringConvertible {
    case noKey
    case noKeyOpens

    var description: String {
        switch self {
        case .noKey: "there is no key to seal secrets with: set SOUK_ENCRYPTION_KEYS"
        case .noKeyOpens: "no key of SOUK_ENCRYPTION_KEYS opens a sealed secret: was one removed, or the row changed?"
        }
    }
}

/// The trial's own key, made at the first start and kept beside the sandbox's state, for this user only.
enum TrialKey {
    static func load(from directory: String) throws -> [UInt8] {
        let path = "\(directory)/encryption-key"
        if let data = FileManager.default.contents(atPath: path) {
            guard let bytes = Hex.decode(String(decoding: data, as: UTF8.self)), bytes.count == AESGCM.keyByteCount
            else {
                throw ConfigurationError("\(path) is damaged. Delete it, or start with --fresh.")
            }
            return bytes
        }
        let bytes = randomBytes(AESGCM.keyByteCount)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let written = FileManager.default.createFile(
            atPath: path, contents: Data(Hex.encode(bytes).utf8), attributes: [.posixPermissions: 0o600])
        guard written else { throw ConfigurationError("\(path) cannot be written. Check SOUK_DATA_DIR.") }
        return bytes
    }
}
