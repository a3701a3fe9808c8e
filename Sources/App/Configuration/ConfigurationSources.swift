import Configuration
import FoundationEssentials

/// A setting that cannot be used. The text says what to do, and never holds a secret.
package struct ConfigurationError: Error, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Where settings come from, the strongest first: flags, the environment, the file.
package struct ConfigurationSources {
    private let reader: ConfigReader
    private let given: [(name: String, values: [String: String])]

    /// - Parameters:
    ///   - flags: what the command line gave; no secrets, which other users of the machine could read there.
    ///   - environment: all variables of the process.
    /// - Throws: `ConfigurationError` for unknown `SOUK_` names, unreadable files, and secrets given twice.
    package init(flags: [Setting: String], environment: [String: String]) throws {
        for setting in flags.keys where setting.isSecret {
            throw ConfigurationError("\(setting.rawValue) is a secret and cannot be a flag. Set it in the environment.")
        }
        let environment = try Self.settings(in: environment, of: "the environment")
        let path = flags[.configFile] ?? environment[Setting.configFile.rawValue]
        let file = try path.map { path in
            try Self.settings(in: try EnvironmentFile.parse(try Self.read(path), named: path), of: path)
        }
        var given = [
            (name: "flag", values: Dictionary(uniqueKeysWithValues: flags.map { ($0.key.rawValue, $0.value) }))
        ]
        given.append((name: "environment", values: environment))
        if let file { given.append((name: "file", values: file)) }
        self.given = given
        let secrets = Set(Setting.allCases.filter(\.isSecret).map(\.rawValue))
        reader = ConfigReader(
            providers: given.map {
                EnvironmentVariablesProvider(environmentVariables: $0.values, secretsSpecifier: .specific(secrets))
            })
    }

    /// What is in force, the default included; nil where there is nothing.
    package func text(_ setting: Setting) -> String? {
        reader.string(forKey: setting.key, isSecret: setting.isSecret) ?? setting.defaultText
    }

    /// `flag`, `environment`, `file` or `default`.
    package func origin(of setting: Setting) -> String {
        given.first { $0.values[setting.rawValue] != nil }?.name ?? "default"
    }

    /// Known settings of one source, with `NAME_FILE` read. Empty values count as absent, as systemd and Docker give them.
    private static func settings(in values: [String: String], of source: String) throws -> [String: String] {
        var settings: [String: String] = [:]
        let names = Set(Setting.allCases.map(\.rawValue))
        for (name, value) in values where !value.isEmpty {
            if names.contains(name) {
                settings[name] = value
            } else if let setting = Setting.allCases.first(where: { $0.fileName == name && $0.isSecret }) {
                guard values[setting.rawValue, default: ""].isEmpty else {
                    throw ConfigurationError("\(setting.rawValue) and \(name) are both set in \(source). Keep one.")
                }
                settings[setting.rawValue] = try read(value).trimmingPrefix { $0.isWhitespace }.trimmedEnd
            } else if name.hasPrefix("SOUK_"), !namesOfTools.contains(name) {
                throw ConfigurationError("There is no setting \(name) (in \(source)).\(suggestion(for: name))")
            }
        }
        return settings
    }

    /// Read by the build and by tests, whose environment Souk may inherit.
    private static let namesOfTools: Set<String> = [
        "SOUK_BENCHMARKS", "SOUK_KILLS", "SOUK_SEED", "SOUK_WORLDS", "SOUK_TEST_DATABASE_URL",
    ]

    private static func suggestion(for name: String) -> String {
        let nearest = Setting.allCases.map { (name: $0.rawValue, distance: editDistance(name, $0.rawValue)) }
            .min { $0.distance < $1.distance }
        guard let nearest, nearest.distance <= 3 else { return " `souk serve --print-config` lists them." }
        return " Did you mean \(nearest.name)?"
    }

    /// How many characters must be added, dropped or changed to make one name of the other.
    private static func editDistance(_ left: String, _ right: String) -> Int {
        let right = Array(right)
        var row = Array(0...right.count)
        for (index, character) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let changed = diagonal + (right[column] == character ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(changed, diagonal + 1, row[column] + 1)
            }
        }
        return row[right.count]
    }

    private static func read(_ path: String) throws -> String {
        guard let data = try? Data(contentsOf: URL(filePath: path)), data.count <= 1 << 20 else {
            throw ConfigurationError("The file \(path), named in the configuration, cannot be read.")
        }
        guard let text = String(validating: Array(data), as: UTF8.self) else {
            throw ConfigurationError("The file \(path) is not UTF-8 text.")
        }
        return text
    }
}

extension Substring {
    var trimmedEnd: String {
        var rest = self
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }
}

/// A file as systemd's `EnvironmentFile=` and Docker's `--env-file` read it: `NAME=value` lines, `#` comments.
enum EnvironmentFile {
    static func parse(_ text: String, named path: String) throws(ConfigurationError) -> [String: String] {
        var values: [String: String] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.trimmingPrefix { $0.isWhitespace }.trimmedEnd
            if line.isEmpty || line.hasPrefix("#") { continue }
            guard let equals = line.firstIndex(of: "="), equals != line.startIndex else {
                throw ConfigurationError("Line \(index + 1) of \(path) is not NAME=value.")
            }
            let name = line[..<equals].trimmedEnd
            guard values[name] == nil else { throw ConfigurationError("\(name) stands twice in \(path).") }
            values[name] = unquoted(line[line.index(after: equals)...].trimmingPrefix { $0.isWhitespace })
        }
        return values
    }

    private static func unquoted(_ value: Substring) -> String {
        for quote in ["\"", "'"] where value.count >= 2 && value.hasPrefix(quote) && value.hasSuffix(quote) {
            return String(value.dropFirst().dropLast())
        }
        return String(value)
    }
}
