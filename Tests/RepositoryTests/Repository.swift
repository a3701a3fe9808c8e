import FoundationEssentials

/// The working copy that the tests were compiled in, read as text.
struct Repository: Sendable {
    let root: String
    /// Paths relative to the root, sorted; without what builds and runs leave behind.
    let files: [String]

    static let here: Repository = {
        let thisFile = #filePath
        let suffix = "/Tests/RepositoryTests/Repository.swift"
        precondition(thisFile.hasSuffix(suffix), "moved: the root is found from this file's own path")
        return Repository(root: String(thisFile.dropLast(suffix.count)))
    }()

    init(root: String) {
        self.root = root
        var found: [String] = []
        var folders = [""]
        while let folder = folders.popLast() {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: root + "/" + folder)) ?? []
            for name in names where !Self.isLeftover(name) {
                let path = folder.isEmpty ? name : folder + "/" + name
                if Self.isFolder(root + "/" + path) { folders.append(path) } else { found.append(path) }
            }
        }
        files = found.sorted()
    }

    /// What `.gitignore` names, and Git's own.
    private static func isLeftover(_ name: String) -> Bool {
        let names: Set = [
            ".git", ".souk", ".swiftpm", "Package.resolved", "__pycache__", ".pytest_cache", ".hypothesis",
            ".schemathesis", ".DS_Store",
        ]
        return names.contains(name) || name.hasPrefix(".build") || name.hasSuffix(".xcodeproj")
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder
    }

    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root + "/" + path) }

    func isExecutable(_ path: String) -> Bool { FileManager.default.isExecutableFile(atPath: root + "/" + path) }

    /// Empty for a file that is not UTF-8 text.
    func text(_ path: String) -> String {
        guard let data = FileManager.default.contents(atPath: root + "/" + path) else { return "" }
        return String(validating: data, as: UTF8.self) ?? ""
    }

    func files(under folder: String, suffix: String = "") -> [String] {
        files.filter { $0.hasPrefix(folder + "/") && $0.hasSuffix(suffix) }
    }

    /// The Swift files of one target, each with its lines counted from 1.
    func swiftFiles(of target: String) -> [SourceFile] {
        files(under: "Sources/" + target, suffix: ".swift").map { SourceFile(path: $0, text: text($0)) }
    }

    /// Every target that has Swift code.
    var targets: [String] {
        let folders = files(under: "Sources", suffix: ".swift").compactMap {
            $0.split(separator: "/").dropFirst().first
        }
        return Set(folders.map(String.init)).sorted()
    }

    var swiftFiles: [SourceFile] {
        files.filter { $0.hasSuffix(".swift") }.map { SourceFile(path: $0, text: text($0)) }
    }

    var markdownFiles: [String] { files.filter { $0.hasSuffix(".md") } }
}

struct SourceFile: Sendable {
    let path: String
    let text: String

    /// Lines with their numbers.
    var lines: [(number: Int, text: Substring)] {
        text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .map { (number: $0.offset + 1, text: $0.element) }
    }

    /// The same with comments and the text of one-line strings taken out: what the compiler sees as code.
    var code: [(number: Int, text: String)] {
        lines.map { (number: $0.number, text: Self.codeOnly($0.text)) }
    }

    static func codeOnly(_ line: Substring) -> String {
        let withoutStrings = line.replacing(/"(?:\\.|[^"\\])*"/, with: "\"\"")
        guard let comment = withoutStrings.firstRange(of: "//") else { return String(withoutStrings) }
        return String(withoutStrings[..<comment.lowerBound])
    }
}
