import Domain
import Testing

@testable import Web

private struct Line: Decodable, Equatable {
    let seller: String
    let quantity: Int64
    let unitAmount: Int64?
}

private struct Body: Decodable, Equatable {
    let externalID: String
    let lines: [Line]
    let manual: Bool?
    let currency: Currency?
    let metadata: Metadata?
    let seller: ID<Seller>?
}

/// One bad body, with what the caller must be told.
struct BadInput: Sendable, CustomTestStringConvertible {
    let body: [UInt8]
    let code: ErrorCode
    let parameter: String?
    let testDescription: String

    init(_ body: String, _ code: ErrorCode, _ parameter: String? = nil) {
        self.init(bytes: Array(body.utf8), code, parameter, named: body)
    }

    init(bytes: [UInt8], _ code: ErrorCode, _ parameter: String? = nil, named name: String) {
        body = bytes
        self.code = code
        self.parameter = parameter
        testDescription = String(name.prefix(80))
    }
}

@Suite struct StrictDecoderTests {
    static let badInputs: [BadInput] = [
        // Not JSON
        BadInput("{", .malformedJSON), BadInput("}", .malformedJSON), BadInput("[]", .malformedJSON),
        BadInput("1", .malformedJSON), BadInput("null", .malformedJSON), BadInput("\"text\"", .malformedJSON),
        BadInput("{\"a\":1,}", .malformedJSON), BadInput("{'a':1}", .malformedJSON),
        BadInput("{\"a\" 1}", .malformedJSON), BadInput("{\"a\":01}", .malformedJSON),
        BadInput("{\"a\":+1}", .malformedJSON), BadInput("{\"a\":.5}", .malformedJSON),
        BadInput("{\"a\":1.}", .malformedJSON), BadInput("{\"a\":1e}", .malformedJSON),
        BadInput("{\"a\":-}", .malformedJSON), BadInput("{\"a\":NaN}", .malformedJSON),
        BadInput("{\"a\":tru}", .malformedJSON), BadInput("{\"a\":true} x", .malformedJSON),
        BadInput("{\"a\":1}{\"b\":1}", .malformedJSON), BadInput("// no\n{}", .malformedJSON),
        BadInput("{\"a\":\"\\x\"}", .malformedJSON), BadInput("{\"a\":\"\\u12\"}", .malformedJSON),
        BadInput("{\"a\":\"line\nbreak\"}", .malformedJSON), BadInput("{\"a\":\"open", .malformedJSON),
        BadInput("{\"a\":\"\\", .malformedJSON), BadInput("{\"a\":[1,]}", .malformedJSON),
        BadInput("{\"a\":[1", .malformedJSON), BadInput(" ", .malformedJSON), BadInput("\u{FEFF}{}", .malformedJSON),
        // Text that cannot be stored
        BadInput("{\"external_id\":\"a\\u0000b\",\"lines\":[]}", .malformedJSON),
        BadInput("{\"external_id\":\"\\ud800\",\"lines\":[]}", .malformedJSON),
        BadInput("{\"external_id\":\"\\udc00\",\"lines\":[]}", .malformedJSON),
        BadInput("{\"external_id\":\"\\ud800\\u0041\",\"lines\":[]}", .malformedJSON),
        BadInput(bytes: Array("{\"a\":\"".utf8) + [0xFF] + Array("\"}".utf8), .malformedJSON, named: "byte FF"),
        BadInput(bytes: Array("{\"a\":\"".utf8) + [0xC0, 0x80] + Array("\"}".utf8), .malformedJSON, named: "long NUL"),
        BadInput(bytes: Array("{\"a\":\"".utf8) + [0] + Array("\"}".utf8), .malformedJSON, named: "raw NUL"),
        // Twice the same name
        BadInput("{\"external_id\":\"a\",\"external_id\":\"b\",\"lines\":[]}", .malformedJSON),
        BadInput(
            "{\"external_id\":\"a\",\"lines\":[{\"seller\":\"s\",\"seller\":\"t\",\"quantity\":1}]}", .malformedJSON),
        // Too deep
        BadInput(
            "{\"a\":" + String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000) + "}",
            .malformedJSON),
        // Absent, unknown, wrong
        BadInput("{}", .parameterMissing, "external_id"), BadInput("", .parameterMissing, "external_id"),
        BadInput("{\"external_id\":null,\"lines\":[]}", .parameterInvalid, "external_id"),
        BadInput("{\"external_id\":7,\"lines\":[]}", .parameterInvalid, "external_id"),
        BadInput("{\"external_id\":\"a\",\"lines\":{}}", .parameterInvalid, "lines"),
        BadInput("{\"external_id\":\"a\",\"lines\":[7]}", .parameterInvalid, "lines[0]"),
        BadInput("{\"external_id\":\"a\",\"lines\":[],\"colour\":1}", .parameterUnknown, "colour"),
        BadInput("{\"externalID\":\"a\",\"external_id\":\"a\",\"lines\":[]}", .parameterUnknown, "externalID"),
        BadInput("{\"external_id\":\"a\",\"lines\":[],\"manual\":1}", .parameterInvalid, "manual"),
        BadInput("{\"external_id\":\"a\",\"lines\":[],\"manual\":\"true\"}", .parameterInvalid, "manual"),
        BadInput("{\"external_id\":\"a\",\"lines\":[],\"currency\":\"xxx\"}", .currencyUnknown, "currency"),
        BadInput("{\"external_id\":\"a\",\"lines\":[],\"currency\":\"USD\"}", .currencyUnknown, "currency"),
        BadInput("{\"external_id\":\"a\",\"lines\":[],\"seller\":\"ord_1\"}", .parameterInvalid, "seller"),
        BadInput("{\"external_id\":\"a\",\"lines\":[],\"metadata\":{\"a\":1}}", .parameterInvalid, "metadata.a"),
        BadInput(
            "{\"external_id\":\"a\",\"lines\":[],\"metadata\":{\"a[b]\":\"\"}}", .parameterInvalid, "metadata.a[b]"),
        // Integers are spelled as integers, with the path to them
        line("\"quantity\":1.0", .parameterInvalid, "quantity"),
        line("\"quantity\":1e3", .parameterInvalid, "quantity"),
        line("\"quantity\":1E0", .parameterInvalid, "quantity"),
        line("\"quantity\":0.5", .parameterInvalid, "quantity"),
        line("\"quantity\":\"1\"", .parameterInvalid, "quantity"),
        line("\"quantity\":true", .parameterInvalid, "quantity"),
        line("\"quantity\":null", .parameterInvalid, "quantity"),
        line("\"quantity\":9223372036854775808", .parameterInvalid, "quantity"),
        line("\"quantity\":1,\"unit_amount\":1.5", .parameterInvalid, "unit_amount"),
        line("\"quantity\":1,\"colour\":\"red\"", .parameterUnknown, "colour"),
        line("\"unit_amount\":1", .parameterMissing, "quantity"),
    ]

    /// The fault is in the third line.
    private static func line(_ members: String, _ code: ErrorCode, _ parameter: String) -> BadInput {
        let good = "{\"seller\":\"s\",\"quantity\":1}"
        return BadInput(
            "{\"external_id\":\"a\",\"lines\":[\(good),\(good),{\"seller\":\"s\",\(members)}]}", code,
            "lines[2].\(parameter)")
    }

    @Test("bad input is refused with its code and the path of its parameter", arguments: badInputs)
    func badInput(_ input: BadInput) {
        let refusal = #expect(throws: Refusal.self) { try StrictDecoder.decode(Body.self, from: input.body) }
        #expect(refusal?.code == input.code, "\(refusal?.description ?? "accepted")")
        #expect(refusal?.parameter == input.parameter)
        #expect(refusal?.message.isEmpty == false)
    }

    @Test func goodInput() throws {
        let text = """
             { "external_id" : "Zoë \\ud83d\\ude00 \\" \\/ \\n", "manual":false, "currency":"eur",
               "lines":[{"seller":"s","quantity":-0,"unit_amount":null},{"seller":"t","quantity":9223372036854775807}],
               "metadata":{"camelCase":"kept","empty":""} }
            """
        let body = try StrictDecoder.decode(Body.self, from: Array(text.utf8))
        #expect(body.externalID == "Zoë 😀 \" / \n")
        #expect(
            body.lines == [
                Line(seller: "s", quantity: 0, unitAmount: nil), Line(seller: "t", quantity: .max, unitAmount: nil),
            ])
        #expect(body.metadata?.values == ["camelCase": "kept", "empty": ""])
        #expect(body.currency == .eur)
    }

    @Test func unknownNamesAreRefusedWithTheKnownOnes() {
        struct Small: Decodable { let limitDays: Int? }
        let refusal = #expect(throws: Refusal.self) {
            try StrictDecoder.decode(Small.self, from: Array("{\"limit_day\":1}".utf8))
        }
        #expect(refusal?.message == "This parameter is not known. Known here: limit_days.")
    }

    @Test func metadataRules() throws {
        let many = Dictionary(uniqueKeysWithValues: (1...51).map { ("k\($0)", "v") })
        #expect(throws: Refusal.self) { try Metadata(many) }
        #expect(throws: Refusal.self) { try Metadata([String(repeating: "k", count: 41): "v"]) }
        #expect(throws: Refusal.self) { try Metadata(["k": String(repeating: "v", count: 501)]) }
        let kept = try Metadata([String(repeating: "é", count: 40): String(repeating: "é", count: 500)])
        let change = MetadataChange(["new": "1", kept.values.keys.first ?? "": ""])
        #expect(try kept.applying(change).values == ["new": "1"])
    }
}
