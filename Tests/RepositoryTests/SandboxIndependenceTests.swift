import Testing

/// A sandbox that shared Souk's arithmetic would agree with Souk's mistakes. The import table keeps the ledger and the
/// store out; these tests look for the ways round it.
@Suite("The sandbox keeps its own books")
struct SandboxIndependenceTests {
    let repository = Repository.here

    /// The files of Domain whose types Stripe has too: amounts, currencies, names of things, time.
    static let sharedDomainFiles: Set = ["Money", "Currency", "ID", "Entities", "Clock", "ErrorCode"]

    @Test("it uses no rule of Domain beyond amounts, currencies, ids and time")
    func usesNoRulesOfDomain() {
        let rules = repository.swiftFiles(of: "Domain").filter { file in
            let name = file.path.split(separator: "/").last?.split(separator: ".").first ?? ""
            return !Self.sharedDomainFiles.contains(String(name))
        }
        let sandbox = repository.swiftFiles(of: "StripeSandbox")
        let own = Set(sandbox.flatMap(declaredTypes))
        let foreign = Set(rules.flatMap(declaredTypes)).subtracting(own)
        for file in sandbox {
            for line in file.code {
                for word in line.text.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "_") })
                where foreign.contains(String(word)) {
                    Issue.record("\(file.path):\(line.number): \(word) is one of Souk's own rules")
                }
            }
        }
    }

    @Test("no function of the sandbox is a copy of one of Souk's")
    func copiesNoFunctions() {
        let ours = ["Domain", "Ledger", "Store", "Orders", "Settlement", "Billing"].flatMap(repository.swiftFiles(of:))
        var known: [String: String] = [:]
        for file in ours {
            for function in functions(in: file) { known[function.body] = "\(file.path): \(function.name)" }
        }
        for file in repository.swiftFiles(of: "StripeSandbox") {
            for function in functions(in: file) {
                if let twin = known[function.body] {
                    Issue.record("\(file.path): \(function.name) is the same code as \(twin)")
                }
            }
        }
    }

    @Test("a copied function is noticed whatever its name and spacing")
    func copiesAreNoticed() throws {
        let first = SourceFile(
            path: "a.swift",
            text: """
                func fee(of amount: Int64) -> Int64 {
                    // round half up
                    let product = amount * rate
                    return (product + 5_000) / 10_000
                }
                """)
        let second = SourceFile(
            path: "b.swift",
            text:
                "func share(_ amount: Int64) -> Int64 {\n  let product = amount * rate\n  return (product + 5_000) / 10_000 }"
        )
        let one = try #require(functions(in: first).first)
        let other = try #require(functions(in: second).first)
        #expect(one.body == other.body)
        #expect(one.name == "fee" && other.name == "share")
    }

    private func declaredTypes(in file: SourceFile) -> [String] {
        file.code.compactMap { line in
            line.text.firstMatch(of: /\b(?:struct|enum|class|actor|protocol|typealias)\s+([A-Z][A-Za-z0-9_]*)/)
                .map { String($0.1) }
        }
    }

    /// Functions with a body of more than a few words: code without comments, spaces left out.
    private func functions(in file: SourceFile) -> [(name: String, body: String)] {
        let code = file.code.map(\.text).joined(separator: "\n")
        var found: [(name: String, body: String)] = []
        for match in code.matches(of: /\bfunc\s+([A-Za-z_][A-Za-z0-9_]*)[^{}]*\{/) {
            var depth = 1
            var body = ""
            for character in code[match.range.upperBound...] {
                if character == "{" { depth += 1 }
                if character == "}" { depth -= 1 }
                if depth == 0 { break }
                if !character.isWhitespace { body.append(character) }
            }
            if body.count >= 40 { found.append((name: String(match.1), body: body)) }
        }
        return found
    }
}
