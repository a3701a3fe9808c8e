import Testing

/// Something that may not stand in the code, and where it may nevertheless.
struct BannedText: Sendable, CustomTestStringConvertible {
    let name: String
    let why: String
    /// A line that the rule must catch: a rule that catches nothing is no rule.
    let example: String
    let appliesTo: @Sendable (_ path: String) -> Bool
    /// The words that a line must have before the rule looks closer.
    let hints: [String]
    let isFound: @Sendable (_ code: String) -> Bool

    var testDescription: String { name }

    static let rules: [BannedText] = [
        BannedText(
            name: "try!", why: "an error that cannot happen still needs a sentence when it does",
            example: "let money = try! Money(1)", appliesTo: isOurs, hints: ["try!"], isFound: { $0.contains(/\btry!/) }
        ),
        BannedText(
            name: "as!", why: "a wrong type is an error to report",
            example: "let seller = object as! Seller", appliesTo: isOurs, hints: ["as!"],
            isFound: { $0.contains(/\bas!/) }),
        BannedText(
            name: "print(", why: "a server speaks through its logger",
            example: "    print(\"here\")", appliesTo: { isProduct($0) && !$0.hasPrefix("Sources/souk/") },
            hints: ["print("], isFound: { $0.contains(/(^|[^.\w])(debugP|p)rint\(/) }),
        BannedText(
            name: "[String: Any]", why: "wire shapes are types",
            example: "var body: [String: Any] = [:]", appliesTo: isOurs,
            hints: ["[String"], isFound: { $0.contains(/\[String\s*:\s*(any\s+)?Any\b/) }),
        BannedText(
            name: "Task.detached", why: "background work is a service with an owner",
            example: "Task.detached { await work() }", appliesTo: isOurs, hints: ["Task.detached"],
            isFound: { $0.contains("Task.detached") }),
        BannedText(
            name: "Date()", why: "time is an argument, or comes from the business clock",
            example: "let now = Date()",
            appliesTo: { isProduct($0) && $0.firstMatch(of: /^Sources\/Domain\/\w*Clock\.swift$/) == nil },
            hints: ["Date()", "Date.now"], isFound: { $0.contains(/\bDate\(\)|\bDate\.now\b/) }),
        BannedText(
            name: "floating point near money", why: "amounts are integers of the minor unit",
            example: "let fee: Double = 0.15",
            appliesTo: { path in
                ["Domain", "Ledger", "Store"].contains { path.hasPrefix("Sources/\($0)/") }
            },
            hints: ["Double", "Float", "Decimal"], isFound: { $0.contains(/\b(Double|Float|CGFloat|Decimal)\b/) }),
    ]

    private static func isOurs(_ path: String) -> Bool { isProduct(path) || path.hasPrefix("Tests/") }
    private static func isProduct(_ path: String) -> Bool { path.hasPrefix("Sources/") }
}
