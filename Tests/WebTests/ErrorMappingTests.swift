import Domain
import Hummingbird
import Testing

@testable import Web

@Suite struct ErrorMappingTests {
    @Test("every code has a client's or a server's status and says what it means", arguments: ErrorCode.allCases)
    func appearance(_ code: ErrorCode) {
        let appearance = code.appearance
        #expect((400...599).contains(appearance.status.code))
        #expect(appearance.meaning.hasSuffix(".") && appearance.meaning.count > 15)
        if appearance.status.code >= 500 { #expect(appearance.type == .api) }
    }

    @Test func envelope() throws {
        let refusal = Refusal(.parameterInvalid, "Wrong.", parameter: "lines[2].quantity")
        let envelope = ErrorEnvelope(refusal, requestID: .make(), documentation: "https://x.test/docs/errors")
        let text = String(decoding: try JSONWriter.encode(envelope), as: UTF8.self)
        #expect(
            text.hasPrefix(
                """
                {"error":{"type":"invalid_request_error","code":"parameter_invalid","message":"Wrong.",\
                "param":"lines[2].quantity","doc_url":"https://x.test/docs/errors#parameter_invalid","request_id":"req_
                """))
    }

    @Test func scopes() {
        let reader = Principal(apiKeyID: nil, scopes: [.ordersRead], livemode: false)
        #expect(reader.may(.ordersRead) && !reader.may(.ordersWrite))
        let writer = Principal(apiKeyID: nil, scopes: [.ordersWrite], livemode: false)
        #expect(writer.may(.ordersRead) && !writer.may(.refundsWrite) && !writer.may(.admin))
        let admin = Principal(apiKeyID: nil, scopes: [.admin], livemode: false)
        #expect(Scope.allCases.allSatisfy { admin.may($0) })
    }
}
