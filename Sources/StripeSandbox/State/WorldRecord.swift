/// The lines of the state file: how changes are written, and how a world is read back from them.
struct WorldRecord {
    private var puts: [JSONValue] = []
    private var deletes: [JSONValue] = []
    private var jobs: [JSONValue] = []
    private var finished: [JSONValue] = []
    private var answers: [JSONValue] = []
    private let counter: UInt64
    private let offset: Int64
    private let latest: Int64
    var heading: JSONObject = [:]

    init(world: World, latest: Int64) {
        counter = world.counter
        offset = world.clockOffset
        self.latest = latest
    }

    mutating func put(_ id: String, _ entry: World.Entry) {
        puts.append(
            .array([
                .string(id), .string(entry.account), .string(entry.type), .int(entry.created),
                .int(Int64(entry.position)), entry.value,
            ]))
    }

    mutating func delete(_ id: String) { deletes.append(.string(id)) }
    mutating func put(_ job: Job) { jobs.append(job.json) }
    mutating func finish(job id: String) { finished.append(.string(id)) }

    mutating func put(_ answer: World.SavedAnswer, under key: String) {
        answers.append(
            .array([
                .string(key), .string(answer.fingerprint), .int(answer.status), .string(answer.body),
                .string(answer.requestID), .int(answer.savedAt),
            ]))
    }

    var line: [UInt8] {
        var object = heading
        object["n"] = .int(Int64(counter))
        object["offset"] = .int(offset)
        object["latest"] = .int(latest)
        if !puts.isEmpty { object["put"] = .array(puts) }
        if !deletes.isEmpty { object["delete"] = .array(deletes) }
        if !jobs.isEmpty { object["jobs"] = .array(jobs) }
        if !finished.isEmpty { object["finished"] = .array(finished) }
        if !answers.isEmpty { object["answers"] = .array(answers) }
        var writer = JSONWriter(writesNotes: true)
        writer.write(.object(object))
        return writer.bytes + [0x0A]
    }
}

extension World {
    struct UnreadableRecord: Error, CustomStringConvertible {
        let description = "a record of the sandbox's state cannot be read: it was written by another version"
    }

    func apply(_ record: JSONValue) throws {
        guard let n = record["n"].int, let offset = record["offset"].int, let latest = record["latest"].int else {
            throw UnreadableRecord()
        }
        counter = UInt64(n)
        clockOffset = offset
        self.latest = max(self.latest, latest)
        if let platform = record["platform"].string { self.platform = platform }
        if let application = record["application"].string { self.application = application }
        if let text = record["seed"].string, let seed = UInt64(text) { self.seed = seed }
        for item in record["put"].array ?? [] {
            guard let item = item.array, item.count == 6, let id = item[0].string, let account = item[1].string,
                let type = item[2].string, let created = item[3].int, let position = item[4].int
            else { throw UnreadableRecord() }
            set(
                id,
                Entry(
                    account: account, type: type, created: created, position: UInt64(position), value: item[5]))
        }
        for id in record["delete"].array ?? [] { set(id.string ?? "", nil) }
        for job in record["jobs"].array ?? [] {
            guard let job = Job(job) else { throw UnreadableRecord() }
            jobs.insert(job)
        }
        for id in record["finished"].array ?? [] { jobs.remove(id.string ?? "") }
        for item in record["answers"].array ?? [] {
            guard let item = item.array, item.count == 6, let key = item[0].string, let fingerprint = item[1].string,
                let status = item[2].int, let body = item[3].string, let requestID = item[4].string,
                let savedAt = item[5].int
            else { throw UnreadableRecord() }
            savedAnswers[key] = SavedAnswer(
                fingerprint: fingerprint, status: Int(status), body: body, requestID: requestID, savedAt: savedAt)
        }
    }

    /// The first record of a file: who the platform is, and the seed that ids come from.
    func heading() -> [UInt8] {
        var record = WorldRecord(world: self, latest: latest)
        record.heading = [
            "platform": .string(platform), "application": .string(application), "seed": .string(String(seed)),
        ]
        return record.line
    }

    /// The whole world as few records: without answers older than a day, events older than thirty days, and
    /// deliveries that ended more than a day ago.
    func snapshot() -> [[UInt8]] {
        forgetOld()
        var records = [heading()]
        var record = WorldRecord(world: self, latest: latest)
        var count = 0
        for (id, entry) in entries {
            record.put(id, entry)
            count += 1
            if count % 500 == 0 {
                records.append(record.line)
                record = WorldRecord(world: self, latest: latest)
            }
        }
        for job in jobs.jobs.values { record.put(job) }
        for (key, answer) in savedAnswers { record.put(answer, under: key) }
        records.append(record.line)
        return records
    }

    private func forgetOld() {
        let now = latest
        savedAnswers = savedAnswers.filter { $0.value.savedAt > now - 86_400_000 }
        let old = entries.filter { _, entry in
            switch entry.type {
            case "event": entry.created < now / 1000 - 30 * 86_400
            case "_delivery": entry.value["status"] != "pending" && entry.created < now / 1000 - 86_400
            default: false
            }
        }
        for id in old.keys { set(id, nil) }
    }
}
