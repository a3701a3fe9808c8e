import Domain
import Testing

@Suite struct ExplanationTests {
    private struct Told: ExplainedError, CustomStringConvertible {
        let explanation: String
        var description: String { "for logs" }
    }
    private struct Plain: Error, CustomStringConvertible {
        var description: String { "a plain error" }
    }

    @Test("an error that explains itself is quoted, any other is described")
    func ofErrors() {
        #expect(Explanation(of: Told(explanation: "No such charge: 'ch_1'")).description == "No such charge: 'ch_1'")
        #expect(Explanation(of: Plain()).description == "a plain error")
    }

    @Test(
        "keys, secrets and addresses are taken out, ids stay",
        arguments: [
            ("Invalid API Key provided: sk_live_51Hxyz9", "Invalid API Key provided: [secret]"),
            ("Invalid API Key provided: rk_test_****abcd", "Invalid API Key provided: [secret]"),
            ("wants whsec_abcDEF123+/= now", "wants [secret] now"),
            ("Authorization: Bearer abc.def-1", "Authorization: [secret]"),
            ("secret pi_3Nx_secret_9aB for pi_3Nx", "secret [secret] for pi_3Nx"),
            ("Invalid email: jo.doe+x@mail.example.com.", "Invalid email: [mail]."),
            ("souk_test_0123abc is no key", "[secret] is no key"),
            ("No such transfer: 'tr_1'; request req_2 of acct_3", "No such transfer: 'tr_1'; request req_2 of acct_3"),
        ])
    func scrubbed(text: String, expected: String) {
        #expect(Explanation(text).description == expected)
    }

    @Test("a long one is cut")
    func cut() {
        let text = Explanation(String(repeating: "ä", count: 2000)).description
        #expect(text.count == Explanation.maximumLength)
        #expect(text.hasSuffix("…"))
    }
}
