// The table of experiments in a file of SQLite. It has a rollback journal and no write-ahead log, which needs
// memory that all processes share, so that processes on several hosts would not see each other's changes.

#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <span>
#include <system_error>

#include "core/detail/representation.hpp"
#include "core/record_archive.hpp"
#include "core/value/error.hpp"
#include "transport/storage/experiments/experiment_place.hpp"
#include "transport/storage/experiments/experiment_table.hpp"
#include "transport/storage/formats/text/format_call.hpp"

namespace locum::storage {

namespace {

constexpr int table_version = 1;
constexpr const char* table_schema = R"(
  CREATE TABLE IF NOT EXISTS experiments (number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, status TEXT NOT NULL,
    reason TEXT NOT NULL, created_ns INTEGER NOT NULL, persisted_ns INTEGER NOT NULL, host TEXT NOT NULL,
    version TEXT NOT NULL, parameters BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS parameters (name TEXT NOT NULL, value, number INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS by_value ON parameters (name, value, number);
  CREATE INDEX IF NOT EXISTS by_experiment ON parameters (number);
  PRAGMA user_version = 1;)";

struct DatabaseCloses {
  void operator()(sqlite3* database) const noexcept { (void)sqlite3_close_v2(database); }
};
struct StatementEnds {
  void operator()(sqlite3_stmt* statement) const noexcept { (void)sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, DatabaseCloses>;

Error table_error(sqlite3* database, int code, const std::string& path) {
  const std::string said = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(
                 Errc::timeout,
                 "other programs kept the table of experiments for the whole time of the wait; wait longer, "
                 "or rebuild the table later",
                 said)
          .about(path);
    case SQLITE_READONLY:  // says the file of itself, if the system lets it be written
      if (::access(path.c_str(), W_OK) != 0) {
        return Error(Errc::system, "SQLite may not write the table of experiments", said).about(path);
      }
      [[fallthrough]];
    // The statements are right: these say that the file has other tables than it was made with.
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(Errc::corrupt, "the table of experiments is damaged; rebuild it from the folders", said)
          .about(path);
    case SQLITE_NOMEM:
      return no_memory_left();
    default:
      return Error(Errc::system, "SQLite cannot use the table of experiments", said).about(path);
  }
}

/// A statement, whose values are bound and read in their order. REQUIRES: the database and what is bound
/// outlive it.
class Statement {
 public:
  Statement(sqlite3* database, const std::string& text) : database_(database) {
    sqlite3_stmt* made = nullptr;
    code_ = sqlite3_prepare_v2(database, text.c_str(), -1, &made, nullptr);
    statement_.reset(made);
  }

  Statement& bind_text(std::string_view text) {
    return bound(sqlite3_bind_text64(statement_.get(), ++at_, text.data() == nullptr ? "" : text.data(),
                                     text.size(), SQLITE_STATIC, SQLITE_UTF8));
  }
  Statement& bind_number(std::int64_t number) {
    return bound(sqlite3_bind_int64(statement_.get(), ++at_, number));
  }
  Statement& bind_bytes(std::span<const std::byte> bytes) {
    return bound(sqlite3_bind_blob64(statement_.get(), ++at_,
                                     bytes.data() == nullptr ? "" : static_cast<const void*>(bytes.data()),
                                     bytes.size(), SQLITE_STATIC));
  }
  /// Of a parameter: what does not fit is rounded, which keeps the order.
  Statement& bind_value(const Record& value) {
    if (value.kind() == Record::Kind::text) {
      return bind_text(value.text());
    }
    if (value.kind() == Record::Kind::boolean) {
      return bind_number(value.as<bool>().value() ? 1 : 0);
    }
    if (const auto integer = value.as<std::int64_t>()) {
      return bind_number(*integer);
    }
    const double real = value.kind() == Record::Kind::real
                            ? value.as<double>().value()
                            : static_cast<double>(value.as<std::uint64_t>().value());
    return bound(sqlite3_bind_double(statement_.get(), ++at_, real));
  }
  /// Makes it run again, with other values.
  void reset() {
    (void)sqlite3_reset(statement_.get());
    at_ = 0;
  }

  /// Returns whether there is a row. Else error() tells whether that is the end.
  [[nodiscard]] bool next() {
    if (code_ == SQLITE_OK || code_ == SQLITE_ROW) {
      code_ = sqlite3_step(statement_.get());
    }
    return code_ == SQLITE_ROW;
  }
  /// Runs one that has no rows.
  [[nodiscard]] Result<void> run(const std::string& path) {
    while (next()) {
    }
    auto done = outcome(path);
    code_ = SQLITE_OK;
    return done;
  }
  [[nodiscard]] Result<void> outcome(const std::string& path) const {
    return code_ == SQLITE_DONE || code_ == SQLITE_OK || code_ == SQLITE_ROW
               ? Result<void>()
               : table_error(database_, code_, path);
  }
  [[nodiscard]] std::string_view text(int column) const {
    const auto* const bytes = sqlite3_column_text(statement_.get(), column);
    const int size = sqlite3_column_bytes(statement_.get(), column);
    return bytes == nullptr
               ? std::string_view()
               : std::string_view(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }
  [[nodiscard]] std::int64_t number(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
  }
  [[nodiscard]] std::span<const std::byte> bytes(int column) const {
    const void* const bytes = sqlite3_column_blob(statement_.get(), column);
    const int size = sqlite3_column_bytes(statement_.get(), column);
    return {static_cast<const std::byte*>(bytes), bytes == nullptr ? 0 : static_cast<std::size_t>(size)};
  }

 private:
  Statement& bound(int code) {
    code_ = code_ == SQLITE_OK ? code : code_;
    return *this;
  }

  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, StatementEnds> statement_;
  int code_ = SQLITE_OK;
  int at_ = 0;
};

std::int64_t table_time(std::uint64_t ns) {
  return static_cast<std::int64_t>(
      std::min<std::uint64_t>(ns, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())));
}

std::string condition_of(const ParameterFilter& filter) {
  std::string text = "number IN (SELECT number FROM parameters WHERE name = ?";
  text += filter.equals.is_null() ? "" : " AND value = ?";
  text += filter.at_least.is_null() ? "" : " AND value >= ?";
  text += filter.at_most.is_null() ? "" : " AND value <= ?";
  // Texts follow numbers in the index.
  const bool is_number = !filter.at_least.is_null() && filter.at_least.kind() != Record::Kind::text;
  text += is_number && filter.at_most.is_null() ? " AND value < ''" : "";
  return text + ")";
}

class SqliteTable final : public ExperimentTable {
 public:
  SqliteTable(const std::string& folder, std::chrono::milliseconds wait)
      : path_(folder + '/' + std::string(table_file)), wait_(wait) {}

  [[nodiscard]] Result<void> update(const ExperimentInfo& info) const override {
    return changed([&](sqlite3* database) { return put(database, info); });
  }
  [[nodiscard]] Result<void> remove(std::string_view id) const override {
    return changed([&](sqlite3* database) {
      auto done = Statement(database,
                            "DELETE FROM parameters WHERE number = (SELECT number FROM experiments "
                            "WHERE id = ?)")
                      .bind_text(id)
                      .run(path_);
      return done ? Statement(database, "DELETE FROM experiments WHERE id = ?").bind_text(id).run(path_)
                  : done;
    });
  }
  [[nodiscard]] Result<std::vector<ExperimentInfo>> list(const ExperimentQuery& query) const override {
    return format_call([&] { return listed(query); });
  }
  [[nodiscard]] Result<void> rebuild(const std::vector<ExperimentInfo>& all,
                                     std::uint64_t since_ns) const override {
    const auto replace = [&](sqlite3* database) -> Result<void> {
      auto done = check(database);
      // What was persisted in the future was not: the clocks of hosts differ by less.
      const auto soon = std::chrono::system_clock::now() + std::chrono::minutes(1);
      const std::int64_t soon_ns = std::chrono::nanoseconds(soon.time_since_epoch()).count();
      done = done ? Statement(database, "DELETE FROM experiments WHERE persisted_ns < ? OR persisted_ns > ?")
                        .bind_number(table_time(since_ns))
                        .bind_number(soon_ns)
                        .run(path_)
                  : done;
      done = done ? Statement(database,
                              "DELETE FROM parameters WHERE number NOT IN (SELECT number FROM "
                              "experiments)")
                        .run(path_)
                  : done;
      for (std::size_t at = 0; done && at < all.size(); ++at) {
        done = put(database, all[at]);
      }
      return done ? run(database, "PRAGMA user_version = 1") : done;
    };
    auto done = changed(replace);
    if (done || done.error().code() != Errc::corrupt) {
      return done;
    }
    for (const char* const file : {"", "-journal", "-wal", "-shm"}) {
      std::error_code error;
      std::filesystem::remove(path_ + file, error);
    }
    return changed(replace);
  }

 private:
  [[nodiscard]] Result<Database> opened(bool makes) const {
    sqlite3* made = nullptr;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (makes ? SQLITE_OPEN_CREATE : 0);
    const int code = sqlite3_open_v2(path_.c_str(), &made, flags, nullptr);
    Database database(made);
    if (code != SQLITE_OK) {
      std::error_code ignored;
      return !makes && !std::filesystem::exists(path_, ignored)
                 ? Error(Errc::not_found, "there is no table of experiments").about(path_)
                 : table_error(made, code, path_);
    }
    const auto most = std::chrono::milliseconds(std::numeric_limits<int>::max());
    (void)sqlite3_busy_timeout(
        made, static_cast<int>(std::clamp(wait_, std::chrono::milliseconds(0), most).count()));
    // It can be made again: the order of writes is enough.
    auto done = run(made, "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536");
    return done ? Result<Database>(std::move(database)) : done.error();
  }
  /// `unsupported` if the table is of a later version; 0 if it is empty.
  [[nodiscard]] Result<std::int64_t> version(sqlite3* database) const {
    Statement asked(database, "PRAGMA user_version");
    const std::int64_t found = asked.next() ? asked.number(0) : 0;
    if (auto outcome = asked.outcome(path_); !outcome) {
      return outcome.error();
    }
    if (found < 0 || found > table_version) {
      const auto same = has_schema(database);  // then the number is damaged
      if (!same || *same) {
        return same ? Result<std::int64_t>(table_version) : Result<std::int64_t>(same.error());
      }
    }
    return found <= table_version && found >= 0
               ? Result<std::int64_t>(found)
               : Error(Errc::unsupported, "the table of experiments is of a later version of locum")
                     .about(path_);
  }
  [[nodiscard]] Result<std::string> schema(sqlite3* database) const {
    Statement asked(database,
                    "SELECT group_concat(type || name || tbl_name || ifnull(sql, ''), char(10)) FROM "
                    "(SELECT * FROM sqlite_master ORDER BY type, name)");
    const std::string found = asked.next() ? std::string(asked.text(0)) : std::string();
    const auto outcome = asked.outcome(path_);
    return outcome ? Result<std::string>(found) : outcome.error();
  }
  /// Returns whether the file has the tables and indices that it was made with, and no others.
  [[nodiscard]] Result<bool> has_schema(sqlite3* database) const {
    sqlite3* made = nullptr;
    const int code = sqlite3_open_v2(":memory:", &made, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    const Database model(made);
    const auto laid_out = code == SQLITE_OK ? run(made, table_schema) : table_error(made, code, path_);
    const auto expected = laid_out ? schema(made) : Result<std::string>(laid_out.error());
    const auto found = expected ? schema(database) : expected;
    return found ? Result<bool>(*found == *expected) : found.error();
  }
  /// `corrupt` if the pages or indices of the table contradict each other, or are not those that it was made
  /// with.
  [[nodiscard]] Result<void> check(sqlite3* database) const {
    Statement asked(database, "PRAGMA integrity_check(1)");
    const std::string found = asked.next() ? std::string(asked.text(0)) : std::string();
    if (auto outcome = asked.outcome(path_); !outcome) {
      return outcome;
    }
    const auto same = has_schema(database);
    return !same || (*same && found == "ok")
               ? (same ? Result<void>() : Result<void>(same.error()))
               : Error(Errc::corrupt, "the table of experiments is damaged", found).about(path_);
  }
  [[nodiscard]] Result<void> run(sqlite3* database, const char* text) const {
    const int code = sqlite3_exec(database, text, nullptr, nullptr, nullptr);
    return code == SQLITE_OK ? Result<void>() : table_error(database, code, path_);
  }

  /// Makes changes, all or none.
  template <class Change>
  [[nodiscard]] Result<void> changed(const Change& change) const {
    return format_call([&]() -> Result<void> {
      const auto database = opened(true);
      if (!database) {
        return database.error();
      }
      sqlite3* const to = database->get();
      // At once for writing: of two that read first, and then want to write, none could go on.
      auto done = run(to, "BEGIN IMMEDIATE");
      if (!done) {
        return done;
      }
      const auto found = version(to);
      done = found ? Result<void>() : Result<void>(found.error());
      done = done && *found == 0 ? run(to, table_schema) : done;
      done = done ? change(to) : done;
      done = done ? run(to, "COMMIT") : done;
      if (!done) {
        (void)run(to, "ROLLBACK");
      }
      return done;
    });
  }

  [[nodiscard]] Result<void> put(sqlite3* database, const ExperimentInfo& info) const {
    std::vector<std::byte> stored(static_cast<std::size_t>(detail::stored_bytes(info.parameters).value()));
    detail::store_value(info.parameters, std::span(stored)).value();
    Statement row(
        database,
        "INSERT INTO experiments (id, status, reason, created_ns, persisted_ns, host, version, "
        "parameters) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET status = "
        "excluded.status, reason = excluded.reason, created_ns = excluded.created_ns, persisted_ns = "
        "excluded.persisted_ns, host = excluded.host, version = excluded.version, parameters = "
        "excluded.parameters WHERE excluded.persisted_ns >= experiments.persisted_ns RETURNING number");
    row.bind_text(info.id)
        .bind_text(to_string(info.status))
        .bind_text(info.reason)
        .bind_number(table_time(info.created_ns));
    row.bind_number(table_time(info.persisted_ns))
        .bind_text(info.host)
        .bind_text(info.commit)
        .bind_bytes(stored);
    if (!row.next()) {
      return row.outcome(path_);  // the table has a later one
    }
    const std::int64_t number = row.number(0);
    if (auto done = row.run(path_); !done) {
      return done;
    }
    if (auto done =
            Statement(database, "DELETE FROM parameters WHERE number = ?").bind_number(number).run(path_);
        !done) {
      return done;
    }
    Statement parameter(database, "INSERT INTO parameters (name, value, number) VALUES (?, ?, ?)");
    for (const auto& [name, value] : flat_parameters(info.parameters)) {
      parameter.reset();
      if (auto done = parameter.bind_text(name).bind_value(value).bind_number(number).run(path_); !done) {
        return done;
      }
    }
    return {};
  }

  [[nodiscard]] Result<std::vector<ExperimentInfo>> listed(const ExperimentQuery& query) const {
    const auto database = opened(false);
    if (!database) {
      return database.error();
    }
    const auto found = version(database->get());
    if (!found || *found == 0) {
      return found ? Error(Errc::not_found, "there is no table of experiments").about(path_) : found.error();
    }
    std::string text =
        "SELECT id, status, reason, created_ns, persisted_ns, host, version, parameters FROM experiments";
    std::string separator = " WHERE ";
    for (const ParameterFilter& filter : query.where) {
      text += std::exchange(separator, " AND ") + condition_of(filter);
    }
    Statement rows(database->get(), text);
    for (const ParameterFilter& filter : query.where) {
      rows.bind_text(filter.parameter);
      for (const Record* const bound : {&filter.equals, &filter.at_least, &filter.at_most}) {
        if (!bound->is_null()) {
          rows.bind_value(*bound);
        }
      }
    }
    std::vector<ExperimentInfo> infos;
    while (rows.next()) {
      auto parameters = decode_record(nullptr, rows.bytes(7), {});
      if (!parameters) {
        return Error(Errc::corrupt, "the table of experiments is damaged; rebuild it from the folders",
                     parameters.error().text())
            .about(path_);
      }
      ExperimentInfo& info = infos.emplace_back();
      info.id = rows.text(0);
      for (const ExperimentStatus known :
           {ExperimentStatus::running, ExperimentStatus::done, ExperimentStatus::failed}) {
        info.status = rows.text(1) == to_string(known) ? known : info.status;
      }
      info.reason = rows.text(2);
      info.created_ns = static_cast<std::uint64_t>(rows.number(3));
      info.persisted_ns = static_cast<std::uint64_t>(rows.number(4));
      info.host = rows.text(5);
      info.commit = rows.text(6);
      info.parameters = std::move(*parameters);
    }
    // Here, since in the order of their IDs their pages would be read in any order.
    std::ranges::sort(infos, {}, &ExperimentInfo::id);
    auto outcome = rows.outcome(path_);
    return outcome ? Result<std::vector<ExperimentInfo>>(std::move(infos)) : outcome.error();
  }

  const std::string path_;
  const std::chrono::milliseconds wait_;
};

}  // namespace

std::shared_ptr<const ExperimentTable> open_experiment_table(const std::string& folder,
                                                             std::chrono::milliseconds wait) {
  return std::make_shared<const SqliteTable>(folder, wait);
}

}  // namespace locum::storage
