import Foundation

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

    /// The Swift files of one target.
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

/// A file as text and as lines. Lines are looked at only where the whole text has what is sought: these tests read
/// everything, and are not compiled for speed.
struct SourceFile: Sendable {
    let path: String
    let text: String

    /// Whether the text has these words, by bytes.
    func mentions(_ words: String) -> Bool { text.range(of: words) != nil }

    /// The lines that have these words, with their numbers from 1.
    func lines(with words: String) -> [(number: Int, text: Substring)] {
        guard mentions(words) else { return [] }
        return lines.filter { $0.text.range(of: words) != nil }
    }

    /// All lines with their numbers from 1.
    var lines: [(number: Int, text: Substring)] {
        text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .map { (number: $0.offset + 1, text: $0.element) }
    }

    /// The line with comments and the text of one-line strings taken out: what the compiler sees as code.
    static func codeOnly(_ line: Substring) -> String {
        let withoutStrings = line.replacing(/"(?:\\.|[^"\\])*"/, with: "\"\"")
        guard let comment = withoutStrings.firstRange(of: "//") else { return String(withoutStrings) }
        return String(withoutStrings[..<comment.lowerBound])
    }

    /// Functions with a body of more than a few words, without comments and spaces, so that copies look alike.
    var functions: [(name: String, body: String)] {
        guard mentions("func ") else { return [] }
        let code = withoutCommentsAndStrings
        let keyword = Array("func ".utf8)
        var found: [(name: String, body: String)] = []
        var start = 0
        while let position = code.position(of: keyword, from: start) {
            start = position + keyword.count
            let name = code[start...].prefix { $0.isWordByte }
            guard !name.isEmpty, let open = code[start...].firstIndex(of: UInt8(ascii: "{")) else { continue }
            var depth = 0
            var body: [UInt8] = []
            for byte in code[open...] {
                if byte == UInt8(ascii: "{") { depth += 1 }
                if byte == UInt8(ascii: "}") { depth -= 1 }
                if depth == 0 { break }
                if !byte.isSpaceByte { body.append(byte) }
            }
            if body.count > 40 {
                found.append((name: String(decoding: name, as: UTF8.self), body: String(decoding: body, as: UTF8.self)))
            }
        }
        return found
    }

    private var withoutCommentsAndStrings: [UInt8] {
        let quote = UInt8(ascii: "\"")
        let slash = UInt8(ascii: "/")
        let newline = UInt8(ascii: "\n")
        var code: [UInt8] = []
        var isInString = false
        var isInComment = false
        var previous = newline
        for byte in text.utf8 {
            if byte == newline { (isInString, isInComment) = (false, false) }
            if !isInComment, byte == quote, previous != UInt8(ascii: "\\") { isInString.toggle() }
            if !isInComment, !isInString, byte == slash, previous == slash {
                isInComment = true
                code.removeLast()
            }
            if !isInComment { code.append(byte) }
            previous = byte
        }
        return code
    }
}

extension [UInt8] {
    fileprivate func position(of sought: [UInt8], from start: Int) -> Int? {
        guard start + sought.count <= count else { return nil }
        return (start...(count - sought.count)).first { position in
            self[position] == sought[0] && self[position..<(position + sought.count)].elementsEqual(sought)
        }
    }
}

extension UInt8 {
    fileprivate var isSpaceByte: Bool { self == 32 || self == 10 || self == 9 || self == 13 }
    fileprivate var isWordByte: Bool {
        (48...57).contains(self) || (65...90).contains(self) || (97...122).contains(self) || self == 95
    }
}
