import Domain
import Testing

@testable import Webhooks

@Suite struct EventEnvelopeTests {
    private func scan(_ text: String) throws -> EventEnvelope { try EventEnvelope(scanning: Array(text.utf8)) }

    @Test("everything Souk believes is read, in any order and past anything unknown")
    func whole() throws {
        let envelope = try scan(
            """
            {"unknown":[{"id":"no","deep":[[[{"type":"\\"no\\""}]]]}],"livemode":true,"type":"charge.updated",
             "request":{"id":"req_1","idempotency_key":"souk_opn_1_1"},
             "data":{"previous_attributes":{"id":"no"},"object":{"metadata":{"id":"no"},"id":"ch_1","object":"charge"}},
             "created":1790000000,"api_version":"2026-10-28.endive","account":"acct_1","id":"evt_1"}
            """)
        #expect(envelope.id == "evt_1")
        #expect(envelope.type == "charge.updated")
        #expect(envelope.account == "acct_1")
        #expect(envelope.created == Timestamp(seconds: 1_790_000_000))
        #expect(envelope.livemode)
        #expect(envelope.apiVersion == "2026-10-28.endive")
        #expect(envelope.idempotencyKey == "souk_opn_1_1")
        #expect(envelope.objectID == "ch_1")
        #expect(envelope.objectType == "charge")
    }

    @Test("what is null, missing or of another kind is simply not known")
    func lenient() throws {
        let envelope = try scan(
            #"{"id":"evt_1","type":"invoice.upcoming","account":null,"created":"soon","request":"req_1","data":{"object":{"object":"invoice","id":null}},"api_version":7}"#
        )
        #expect(envelope.account == nil)
        #expect(envelope.created == nil)
        #expect(envelope.idempotencyKey == nil)
        #expect(envelope.objectID == nil)
        #expect(envelope.objectType == "invoice")
        #expect(envelope.apiVersion == nil)
        #expect(!envelope.livemode)
    }

    @Test("a thin event names its object beside the data and writes its time as text")
    func thin() throws {
        let envelope = try scan(
            #"{"id":"evt_2","object":"v2.core.event","type":"v1.billing.meter.no_meter_found","created":"2026-11-23T10:42:27.000Z","livemode":false,"context":"acct_9","related_object":{"id":"mtr_1","type":"billing.meter","url":"/v1"}}"#
        )
        #expect(envelope.account == "acct_9")
        #expect(envelope.objectID == "mtr_1")
        #expect(envelope.objectType == "billing.meter")
        #expect(envelope.created == Timestamp(seconds: 1_795_430_547))
    }

    @Test("escapes are read, in names too")
    func escapes() throws {
        let envelope = try scan(
            #"{"\u0069d":"evt_1","type":"charge\u002eupdated","data":{"object":{"id":"caf\u00e9 \ud83d\ude00"}}}"#)
        #expect(envelope.id == "evt_1")
        #expect(envelope.type == "charge.updated")
        #expect(envelope.objectID == "café 😀")
    }

    @Test(
        "what is no event is refused",
        arguments: [
            "", "null", "[]", "{", #"{"id":"evt_1""#, #"{"id":"evt_1","type":"a"} x"#, #"{"id":1,"type":"a"}"#,
            #"{"id":"","type":"a"}"#, #"{"id":"evt_1"}"#, #"{"id":"evt\u00001","type":"a"}"#,
            #"{"id":"evt 1","type":"a"}"#, #"{"id":"evt_1","type":"a","x":}"#, #"{"id":"evt_1","type":"a","x":"}"#,
            #"{"id":"evt_1" "type":"a"}"#, #"{"id":"\#(String(repeating: "e", count: 256))","type":"a"}"#,
        ])
    func refused(text: String) {
        #expect(throws: MalformedEvent.self) { try scan(text) }
    }

    @Test("a hundred thousand brackets cost no stack")
    func deep() throws {
        let depth = 100_000
        let nested = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(try scan(#"{"x":\#(nested),"id":"evt_1","type":"a"}"#).id == "evt_1")
    }

    @Test("cut anywhere, an event is refused and nothing traps")
    func cut() {
        let body = event("evt_1", account: "acct_1", key: "k")
        for length in 0..<body.count {
            #expect(throws: MalformedEvent.self) { try EventEnvelope(scanning: Array(body[..<length])) }
        }
    }

    @Test("bytes changed at random never trap")
    func noise() {
        var random = SystemRandomNumberGenerator()
        let body = event("evt_1", account: "acct_1", key: "k")
        for _ in 0..<20_000 {
            var changed = body
            for _ in 0..<3 { changed[Int.random(in: 0..<changed.count, using: &random)] = .random(in: 0...255) }
            _ = try? EventEnvelope(scanning: changed)
        }
    }
}
