import Domain
import Testing

@Suite struct DisputeStageTests {
    @Test(
        "Stripe's words, as an order means them",
        arguments: [
            ("warning_needs_response", DisputeStage.inquiry), ("warning_under_review", .inquiry),
            ("warning_closed", nil), ("needs_response", .open), ("under_review", .open),
            ("appeal_needs_response", .open),
            ("appeal_under_review", .open), ("won", .won), ("lost", .lost), ("prevented", nil), ("a_new_word", nil),
        ] as [(String, DisputeStage?)])
    func words(status: String, stage: DisputeStage?) {
        #expect(DisputeStage(status: status) == stage)
    }

    @Test("An order with several disputes shows what still asks for something, then what cost money")
    func several() {
        #expect(DisputeStage.of(order: []) == nil)
        #expect(DisputeStage.of(order: [.won, .lost, .inquiry, .open]) == .open)
        #expect(DisputeStage.of(order: [.won, .lost, .inquiry]) == .inquiry)
        #expect(DisputeStage.of(order: [.won, .lost]) == .lost)
        #expect(DisputeStage.of(order: [.won]) == .won)
    }
}
