import Testing

@Suite("What may not stand in the code")
struct BannedTextTests {
    let repository = Repository.here

    @Test(arguments: BannedText.rules)
    func isAbsent(rule: BannedText) {
        #expect(rule.isFound(rule.example), "the rule does not catch its own example")
        for file in repository.swiftFiles where rule.appliesTo(file.path) {
            for line in rule.hints.flatMap(file.lines(with:)) where rule.isFound(SourceFile.codeOnly(line.text)) {
                Issue.record("\(file.path):\(line.number): \(rule.name) (\(rule.why))")
            }
        }
    }

    @Test("comments and the text of strings are not code")
    func commentsAreNotCode() {
        #expect(SourceFile.codeOnly("let a = 1 // never try! here") == "let a = 1 ")
        #expect(SourceFile.codeOnly(#"let a = "one \" // two" + b"#) == #"let a = "" + b"#)
    }

    @Test("what is left to do has an issue that says so")
    func promisesHaveIssues() {
        let marks = ["TO" + "DO", "FIX" + "ME"]
        let paths = repository.files.filter { path in
            ["Sources/", "Tests/", "scripts/", "Benchmarks/", "Migrations/"].contains { path.hasPrefix($0) }
        }
        for path in paths {
            let file = SourceFile(path: path, text: repository.text(path))
            for line in marks.flatMap(file.lines(with:)) {
                #expect(line.text.contains(/#\d+/), "\(path):\(line.number): name the issue, as in #12")
            }
        }
    }

    @Test("no statement of Souk goes around a trigger: the journal is append-only for Souk too")
    func noWayAroundTriggers() {
        func isFound(_ line: String) -> Bool {
            line.contains(/(?i)\b(disable|drop|enable\s+replica)\s+trigger\b|session_replication_role/)
        }
        #expect(isFound("ALTER TABLE postings DISABLE TRIGGER ALL"), "the rule does not catch its own example")
        for path in repository.files where path.hasPrefix("Sources/") || path.hasPrefix("Migrations/") {
            let file = SourceFile(path: path, text: repository.text(path))
            for line in file.lines where isFound(String(line.text)) {
                Issue.record("\(path):\(line.number): \(line.text)")
            }
        }
    }

    @Test("no file speaks of one machine")
    func noMachinePaths() {
        // Put together here, so that this file does not name them either.
        let folders = ["work", "farm", "Users"].map { "/" + $0 + "/" }
        for path in repository.files {
            let file = SourceFile(path: path, text: repository.text(path))
            for folder in folders {
                for line in file.lines(with: folder) {
                    guard let found = line.text.firstRange(of: folder) else { continue }
                    // A folder of that name inside something else, as in https://example.com/work/, is no machine's.
                    let before = line.text[..<found.lowerBound].last
                    let isInside = before.map { $0.isLetter || $0.isNumber || "}./_-".contains($0) } ?? false
                    #expect(isInside, "\(path):\(line.number): \(folder) is a path of one machine")
                }
            }
        }
    }

    @Test("long files are remarked on, since they usually hold two ideas")
    func longFilesAreRemarked() {
        for file in repository.swiftFiles {
            let count = file.lines.count
            if count > 400 { print("Remark: \(file.path) has \(count) lines") }
        }
    }
}
