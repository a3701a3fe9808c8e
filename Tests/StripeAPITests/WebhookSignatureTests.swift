import Domain
import FoundationEssentials
import StripeAPI
import Testing

@Suite struct WebhookSignatureTests {
    struct Vector: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let header: String?
        let body: String
        let secrets: [String]
        let now: Int64
        let expected: String

        var testDescription: String { name }
    }

    static let vectors: [Vector] = {
        do {
            return try JSONDecoder().decode([Vector].self, from: testFile("Conformance/signature_vectors.json"))
        } catch {
            Issue.record(error)
            return []
        }
    }()

    @Test("there are at least 60 vectors, and every refusal is among them")
    func complete() {
        #expect(Self.vectors.count >= 60)
        let outcomes = Set(Self.vectors.map(\.expected))
        #expect(outcomes == Set(WebhookSignatureError.allCases.map(\.rawValue) + ["accepted"]))
    }

    @Test("each vector is answered as the table says", arguments: vectors)
    func vector(_ vector: Vector) {
        let outcome: String
        do throws(WebhookSignatureError) {
            _ = try WebhookSignature.verify(
                header: vector.header, body: Array(vector.body.utf8), secrets: vector.secrets,
                now: Timestamp(seconds: vector.now))
            outcome = "accepted"
        } catch {
            outcome = error.rawValue
        }
        #expect(outcome == vector.expected)
    }

    @Test("bytes that are no text are signed and verified as they are")
    func rawBytes() throws {
        let body: [UInt8] = [0xff, 0x00, 0xfe, 0x0a]
        let now = Timestamp(seconds: 1_790_000_000)
        let header = WebhookSignature.sign(body: body, secret: "whsec_a", at: now)
        let signed = try WebhookSignature.verify(header: header, body: body, secrets: ["whsec_a"], now: now)
        #expect(signed == now)
        #expect(throws: WebhookSignatureError.mismatch) {
            try WebhookSignature.verify(header: header, body: [0xfe, 0, 0xfe, 0x0a], secrets: ["whsec_a"], now: now)
        }
    }

    @Test("while a secret is rolled, either half of the receivers accepts")
    func rolled() throws {
        let now = Timestamp(seconds: 1_790_000_000)
        let header = WebhookSignature.sign(body: [1], secrets: ["whsec_new", "whsec_old"], at: now)
        try WebhookSignature.verify(header: header, body: [1], secrets: ["whsec_new"], now: now)
        try WebhookSignature.verify(header: header, body: [1], secrets: ["whsec_old"], now: now)
    }
}
