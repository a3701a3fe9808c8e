import FoundationEssentials

/// Where migrations and the API's description lie: beside the program, above it in a checkout, or where Debian puts such
/// files.
package struct ResourceFolder: Sendable {
    package let path: String

    package var migrations: String { path + "/Migrations" }
    package var openAPI: String { path + "/openapi/souk.yaml" }
    package var documentation: String { path + "/openapi/docs" }

    /// - Throws: `ConfigurationError` naming the folders that were tried.
    package static func find(program: String) throws -> ResourceFolder {
        let resolved = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? program
        var tried: [String] = []
        var folder = resolved
        for _ in 0..<6 {
            guard let slash = folder.lastIndex(of: "/") else { break }
            folder = String(folder[..<slash])
            tried.append(folder)
        }
        tried += [FileManager.default.currentDirectoryPath, "/usr/share/souk", "/usr/local/share/souk"]
        for folder in tried where FileManager.default.fileExists(atPath: folder + "/Migrations/0001_ledger.sql") {
            return ResourceFolder(path: folder)
        }
        throw ConfigurationError(
            "Souk's Migrations folder was not found beside the program. Looked in: \(tried.joined(separator: ", ")).")
    }
}
