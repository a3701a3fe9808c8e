/// What a person typed into a form and what was wrong with it, by the names of its fields.
struct FormState {
    var typed: [String: String] = [:]
    var errors: [String: String] = [:]
}

/// One input of a form, as the template wants it: Mustache sees stored members only.
struct FormField {
    enum Width: String {
        case full, half, third
    }

    struct Choices {
        let options: [Option]

        /// Nothing is chosen until a person chooses.
        init(_ texts: KeyValuePairs<String, String>, chosen: String?) {
            options = ([("", "Choose one")] + texts.map { ($0.key, $0.value) }).map { value, text in
                Option(value: value, text: text, isChosen: value == chosen ?? "")
            }
        }
    }

    struct Option {
        let value: String
        let text: String
        let isChosen: Bool
    }

    let name: String
    let label: String
    let width: String
    let type: String
    /// The keyboard of a telephone: `numeric`, or nil for the usual one.
    let keys: String?
    let autocomplete: String
    let example: String?
    let hint: String?
    let isOptional: Bool
    let isCheckbox: Bool
    let isText: Bool
    let choices: Choices?
    let value: String
    let isChecked: Bool
    let error: String?
    /// The ids of what a screen reader reads after the label.
    let described: String?

    init(
        _ state: FormState, _ name: String, _ label: String, _ width: Width = .full, type: String = "text",
        keys: String? = nil,
        autocomplete: String = "off", example: String? = nil, hint: String? = nil, isOptional: Bool = false,
        isCheckbox: Bool = false, choices: KeyValuePairs<String, String>? = nil
    ) {
        self.name = name
        self.label = label
        self.width = width.rawValue
        self.type = type
        self.keys = keys
        self.autocomplete = autocomplete
        self.example = example
        self.hint = hint
        self.isOptional = isOptional
        self.isCheckbox = isCheckbox
        isText = !isCheckbox && choices == nil
        value = state.typed[name] ?? ""
        self.choices = choices.map { Choices($0, chosen: state.typed[name]) }
        isChecked = value == "true"
        error = state.errors[name]
        let ids = [error.map { _ in "\(name)-error" }, hint.map { _ in "\(name)-hint" }].compactMap(\.self)
        described = ids.isEmpty ? nil : ids.joined(separator: " ")
    }
}

/// What is wrong with a form, in the order of its fields; nil when nothing is.
struct FormProblems {
    struct Item {
        let name: String
        let label: String
        let error: String
    }

    let heading: String
    let items: [Item]

    init?(_ fields: [FormField]) {
        items = fields.compactMap { field in
            field.error.map { Item(name: field.name, label: field.isCheckbox ? "Agreement" : field.label, error: $0) }
        }
        guard !items.isEmpty else { return nil }
        heading = items.count == 1 ? "One detail needs your attention" : "\(items.count) details need your attention"
    }
}
