/// What the templates show. Plain values: Mustache reads their members.
struct PageFrame {
    let title: String
    let body: String
}

struct NoticePage {
    let title: String
    let text: String
}

struct FormField {
    struct Choices {
        let options: [Option]
    }

    struct Option {
        let value: String
        let text: String
        let isChosen: Bool
    }

    let name: String
    let label: String
    var value = ""
    var hint: String?
    var error: String?
    var isCheckbox = false
    var choices: Choices?

    var isChecked: Bool { value == "true" }
}

/// A field as the template wants it: whichever kind it is, stored, since Mustache sees stored members only.
struct ShownField {
    let name: String
    let label: String
    let value: String
    let hint: String?
    let error: String?
    let isCheckbox: Bool
    let isChecked: Bool
    let isText: Bool
    let choices: FormField.Choices?

    init(_ field: FormField) {
        name = field.name
        label = field.label
        value = field.value
        hint = field.hint
        error = field.error
        isCheckbox = field.isCheckbox
        isChecked = field.isChecked
        isText = !field.isCheckbox && field.choices == nil
        choices = field.choices
    }
}

struct OnboardingPage {
    let account: String
    let platform: String
    let action: String
    let fields: [ShownField]
    let hasErrors: Bool
    let isDone: Bool
}

struct CheckoutPage {
    struct Item {
        let name: String
        let quantity: Int64
        let amount: String
    }

    let total: String
    let items: [Item]
    let action: String
    let cancelURL: String?
    var email = ""
    var card = ""
    var expiry = ""
    var cvc = ""
    var name = ""
    var error: String?
}

struct AuthenticatePage {
    let total: String
    let action: String
}

struct ExpressPage {
    struct Balance {
        let available: String
        let pending: String
    }

    struct Line {
        let status: String
        let amount: String
    }

    let account: String
    let balances: [Balance]
    let payouts: [Line]
    let payments: [Line]
}
