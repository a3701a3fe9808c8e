import Domain
import Testing

@testable import Web

@Suite struct JSONWriterTests {
    private struct Answer: Encodable {
        let id = "sel_1"
        let object = "seller"
        let externalID: String?
        let chargesEnabled = false
        let checkoutURL: String? = nil
        let created = Timestamp(milliseconds: 1_700_000_000_999)
        let requirements: [String] = ["a", "quote \" back \\ line \n tab \t bell \u{7}"]
        let metadata = ["camelCase": "b", "Alpha": "é"]
        let amount: Int64 = -5
    }

    @Test("names are snake case in the order of the properties; nothing is left out")
    func answer() throws {
        let text = String(decoding: try JSONWriter.encode(Answer(externalID: nil)), as: UTF8.self)
        #expect(
            text == """
                {"id":"sel_1","object":"seller","external_id":null,"charges_enabled":false,"checkout_url":null,\
                "created":1700000000,"requirements":["a","quote \\" back \\\\ line \\n tab \\t bell \\u0007"],\
                "metadata":{"Alpha":"é","camelCase":"b"},"amount":-5}
                """)
    }

    @Test func snakeCase() {
        #expect(snakeCased("externalID") == "external_id")
        #expect(snakeCased("URLCount") == "url_count")
        #expect(snakeCased("currentlyDue") == "currently_due")
        #expect(snakeCased("already_snake") == "already_snake")
    }

    @Test func fractionsAreNotWritten() {
        #expect(throws: EncodingError.self) { try JSONWriter.encode(["rate": 0.5]) }
    }
}
