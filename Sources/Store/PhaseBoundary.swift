/// The moments between two steps at which a process may die, and what it then leaves in the database. Whoever comes
/// next goes on from there.
///
/// The code that passes a boundary says so in a comment; nothing of it runs. For each one a test kills the real program
/// while a lock of the test or a withheld answer of the sandbox keeps it there.
package enum PhaseBoundary: String, CaseIterable, Sendable {
    // A call to Stripe.

    /// An operation is written together with the change that asks for it, uncommitted: nothing is left.
    case beforeCommit = "before_commit"
    /// `pending`, never sent.
    case afterCommit = "after_commit"
    /// `sent`, and no byte has left: whoever comes next cannot know that.
    case beforeSend = "before_send"
    /// `sent`, and Stripe has the request and has not begun with it.
    case afterSendBeforeEffect = "after_send_before_effect"
    /// `sent`, and the object is at Stripe.
    case afterEffectBeforeAnswer = "after_effect_before_answer"
    /// `sent`; the answer was read, and what it changes is uncommitted.
    case afterAnswerBeforeCommit = "after_answer_before_commit"
    /// `succeeded`, and the caller has no answer.
    case afterOutcomeCommit = "after_outcome_commit"

    // An event of Stripe's on its way in.

    /// Verified, uncommitted: nothing is left, and Stripe delivers it again.
    case beforeEventCommit = "before_event_commit"
    /// `waiting`, and Stripe does not know that we have it.
    case afterEventCommit = "after_event_commit"
    /// Leased; what it changes is uncommitted.
    case beforeApplyCommit = "before_apply_commit"
    /// Leased and still `waiting`; what it changes is committed.
    case afterApplyCommit = "after_apply_commit"

    // Stripe's balance transactions on their way into the books.

    /// The balance is leased; its new rows are read, and their entries uncommitted.
    case beforeRowsCommit = "before_rows_commit"
    /// The rows are booked, and the balance is leased still.
    case afterRowsCommit = "after_rows_commit"

    // An event of ours on its way to the marketplace.

    /// The delivery is leased, and no byte has left.
    case beforeDelivery = "before_delivery"
    /// The marketplace has it, and the delivery is `waiting` still: it will come once more, under the same id.
    case afterDelivery = "after_delivery"
}
