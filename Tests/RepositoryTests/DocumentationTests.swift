import Testing

@Suite("The documents keep up with the code")
struct DocumentationTests {
    let repository = Repository.here

    @Test("every relative link leads somewhere")
    func linksLeadSomewhere() {
        for path in repository.markdownFiles {
            let folder = path.split(separator: "/").dropLast().map(String.init)
            for line in SourceFile(path: path, text: repository.text(path)).lines(with: "](") {
                for link in line.text.matches(of: /\]\(([^)\s]+)\)/) {
                    let target = String(link.1)
                    if target.contains("://") || target.hasPrefix("mailto:") { continue }
                    let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
                    let file = parts[0].isEmpty ? path : resolve(String(parts[0]), from: folder)
                    #expect(repository.exists(file), "\(path):\(line.number): \(target) does not exist")
                    if parts.count == 2, file.hasSuffix(".md") {
                        let anchors = headings(of: file).map(anchor)
                        #expect(anchors.contains(String(parts[1])), "\(path):\(line.number): no heading for \(target)")
                    }
                }
            }
        }
    }

    @Test("every path of the code that a document names exists")
    func namedPathsExist() {
        let roots = ["Sources", "Tests", "scripts", "docs", "Migrations", "openapi", "deploy", "Benchmarks", ".ci"]
        for path in repository.markdownFiles {
            for line in SourceFile(path: path, text: repository.text(path)).lines(with: "/") {
                for match in line.text.matches(of: /(?:^|[\s`("])((?:\.ci|[A-Za-z]+)\/[A-Za-z0-9_.\/-]*[A-Za-z0-9_\/])/)
                {
                    let named = String(match.1)
                    guard let root = named.split(separator: "/").first, roots.contains(String(root)) else { continue }
                    #expect(repository.exists(named), "\(path):\(line.number): \(named) does not exist")
                }
            }
        }
    }

    @Test("every document and heading that a comment names exists")
    func namedDocumentsExist() {
        for path in repository.files(under: "Sources", suffix: ".swift") {
            for line in SourceFile(path: path, text: repository.text(path)).lines(with: ".md") {
                for match in line.text.matches(of: /([A-Za-z0-9_\/.-]+\.md)(?:, "([^"]+)")?/) {
                    let document = String(match.1)
                    #expect(repository.exists(document), "\(path):\(line.number): \(document) does not exist")
                    guard repository.exists(document), let heading = match.2 else { continue }
                    #expect(
                        headings(of: document).contains(String(heading)),
                        "\(path):\(line.number): \(document) has no heading '\(heading)'")
                }
            }
        }
    }

    @Test("every decision record has a number, a title and its five sections, on one page")
    func decisionsAreWhole() throws {
        let records = repository.files(under: "docs/adr", suffix: ".md").filter { !$0.hasSuffix("README.md") }
        try #require(!records.isEmpty)
        let index = repository.text("docs/adr/README.md")
        for (position, path) in records.enumerated() {
            let name = path.dropFirst("docs/adr/".count)
            let number = String(position + 1)
            let padded = String(repeating: "0", count: 4 - number.count) + number
            #expect(name.hasPrefix(padded + "-"), "\(path): the next number is \(padded)")
            #expect(index.contains("(\(name))"), "\(path) is not in docs/adr/README.md")
            let text = repository.text(path)
            #expect(text.hasPrefix("# \(position + 1). "), "\(path): the title begins with the number")
            let sections = headings(of: path).dropFirst()
            #expect(
                Array(sections) == ["Status", "Context", "Decision", "Alternatives refused", "Consequences"],
                "\(path): its sections are \(sections)")
            #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count <= 70, "\(path): one page")
        }
    }

    @Test("every dependency has a decision record that names it")
    func dependenciesAreDecided() {
        let package = repository.text("Package.swift")
        let records = repository.files(under: "docs/adr", suffix: ".md").map(repository.text).joined()
        var dependencies = package.matches(of: /\.package\(url: "[^"]*\/([^"\/]+)\.git"/).map { String($0.1) }
        dependencies += package.matches(of: /pkgConfig: "([^"]+)"/).map { String($0.1) }
        #expect(dependencies.count >= 10, "the manifest is read by its form; it has changed")
        for name in dependencies {
            #expect(records.contains(name), "no decision record names \(name)")
        }
    }

    @Test("the change log has the form of Keep a Changelog")
    func changelogHasItsForm() throws {
        let headings = headings(of: "CHANGELOG.md")
        try #require(headings.count >= 2)
        #expect(headings[0] == "Changelog" && headings[1] == "[Unreleased]")
        let kinds: Set = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
        for heading in headings.dropFirst(2) {
            #expect(kinds.contains(heading) || heading.contains(/^\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d$/), "\(heading)")
        }
    }

    @Test("every script stops at the first error, says what it is for, and may be started")
    func scriptsAreCareful() {
        for path in repository.files(under: "scripts") where path != "scripts/lib.sh" {
            let lines = repository.text(path).split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.first == "#!/usr/bin/env bash", "\(path)")
            #expect(lines.dropFirst().first?.hasPrefix("# ") == true, "\(path): its second line says what it is for")
            #expect(lines.contains("set -euo pipefail"), "\(path)")
            #expect(repository.isExecutable(path), "\(path)")
        }
        #expect(repository.isExecutable(".ci/run"))
    }

    private func resolve(_ target: String, from folder: [String]) -> String {
        var parts = folder
        for part in target.split(separator: "/") {
            switch part {
            case ".": continue
            case "..": _ = parts.popLast()
            default: parts.append(String(part))
            }
        }
        return parts.joined(separator: "/")
    }

    private func headings(of path: String) -> [String] {
        var isInCode = false
        return repository.text(path).split(separator: "\n", omittingEmptySubsequences: false).compactMap { line in
            if line.hasPrefix("```") { isInCode.toggle() }
            guard !isInCode, let match = line.wholeMatch(of: /#{1,6} (.*)/) else { return nil }
            return String(match.1)
        }
    }

    /// The anchor that the usual forges make of a heading.
    private func anchor(_ heading: String) -> String {
        heading.lowercased().compactMap { character -> String? in
            if character.isLetter || character.isNumber || character == "-" || character == "_" {
                return String(character)
            }
            return character == " " ? "-" : nil
        }.joined()
    }
}
