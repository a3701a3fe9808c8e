import Testing

/// A sandbox that shared Souk's arithmetic would agree with Souk's mistakes. The import table keeps the ledger and the
/// store out; these tests look for the ways round it.
@Suite("The sandbox keeps its own books")
struct SandboxIndependenceTests {
    let repository = Repository.here

    /// The files of Domain whose types Stripe has too: amounts, currencies, names of things, time.
    static let sharedDomainFiles: Set = ["Money", "Currency", "ID", "Entities", "Clock", "WallClock", "ErrorCode"]

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
            for name in foreign where file.mentions(name) {
                for line in file.lines(with: name) {
                    let words = SourceFile.codeOnly(line.text).split { !($0.isLetter || $0.isNumber || $0 == "_") }
                    guard words.contains(Substring(name)) else { continue }
                    Issue.record("\(file.path):\(line.number): \(name) is one of Souk's own rules")
                }
            }
        }
    }

    @Test("no function of the sandbox is a copy of one of Souk's")
    func copiesNoFunctions() {
        let ours = ["Domain", "Ledger", "Store", "Orders", "Settlement", "Billing"].flatMap(repository.swiftFiles(of:))
        var known: [String: String] = [:]
        for file in ours {
            for function in file.functions { known[function.body] = "\(file.path): \(function.name)" }
        }
        for file in repository.swiftFiles(of: "StripeSandbox") {
            for function in file.functions {
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
        let one = try #require(first.functions.first)
        let other = try #require(second.functions.first)
        #expect(one.body == other.body)
        #expect(one.name == "fee" && other.name == "share")
    }

    private func declaredTypes(in file: SourceFile) -> [String] {
        ["struct ", "enum ", "class ", "actor ", "protocol ", "typealias "].flatMap(file.lines(with:)).compactMap {
            line in
            SourceFile.codeOnly(line.text)
                .firstMatch(of: /\b(?:struct|enum|class|actor|protocol|typealias)\s+([A-Z][A-Za-z0-9_]*)/)
                .map { String($0.1) }
        }
    }
}
