// One file with all objects: {"COLLECTION": {"NAME": …}}. A change reads it, and writes it anew, under a
// lock.

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/base/mutex.hpp"
#include "transport/storage/errors.hpp"
#include "transport/storage/file/new_file.hpp"
#include "transport/storage/file/record_lock.hpp"
#include "transport/storage/file/root.hpp"
#include "transport/storage/file_calls.hpp"
#include "transport/storage/json/entry.hpp"
#include "transport/storage/json/forms.hpp"
#include "transport/storage/json/text.hpp"
#include "transport/storage/json/traits.hpp"

namespace locum::storage {

namespace {

constexpr mode_t json_file_mode = 0666;
/// Members of an entry: the revision of the record, and a checksum of what it was stored with, by which an
/// entry that was edited is known.
constexpr std::string_view revision_member = "revision";
constexpr std::string_view check_member = "check";

/// What the file has, as it was read.
struct JsonContent {
  Record spaces = Record::members({});
  std::uint64_t changed_ns = 1;  ///< when the file was changed
  mode_t mode = json_file_mode;  ///< who may read and write the file, which stays so
  std::string identity;          ///< of the file and of its change; empty: there is none
  bool is_own = false;           ///< whether this process wrote it: no entry was edited since
};

std::uint32_t check_of(const Record& entry) {
  Record content = entry;
  if (content.kind() == Record::Kind::members) {
    content.remove(revision_member);
    content.remove(check_member);
  }
  const auto text = json_text_of(content, true);
  return text ? checksum(std::as_bytes(std::span(*text))) : 0;
}

/// Returns the revision of an entry: that with which it was stored, or a later one if it was edited.
std::uint64_t revision_of(const Record& entry, std::uint64_t changed_ns) {
  const auto stored = entry[revision_member].as<std::uint64_t>();
  const auto check = entry[check_member].as<std::uint32_t>();
  return stored && check && *check == check_of(entry) ? *stored
                                                      : std::max(changed_ns, stored.value_or(0) + 1);
}

/// Returns an entry as it is written: with its revision and its checksum.
Record entry_with_check(Record entry, std::uint64_t revision) {
  const std::uint32_t check = check_of(entry);
  entry.set(revision_member, revision);
  entry.set(check_member, check);
  return entry;
}

std::string identity_of(const struct stat& facts) {
  return std::to_string(facts.st_dev) + '.' + std::to_string(facts.st_ino) + '.' +
         std::to_string(facts.st_size) + '.' + std::to_string(changed_ns(facts)) + '.' +
         std::to_string(facts.st_ctim.tv_sec) + '.' + std::to_string(facts.st_ctim.tv_nsec);
}

/// Returns the objects of a file as they are written. What was edited gets the revision that it has now: the
/// file is changed once more.
Record checked_spaces(const JsonContent& content) {
  Record all = Record::members({});
  for (const auto& [space, entries] : content.spaces.members()) {
    Record checked = Record::members({});
    for (const auto& [name, entry] : entries.members()) {
      const auto stored = entry[revision_member].as<std::uint64_t>();
      const std::uint64_t revision = revision_of(entry, content.changed_ns);
      if (stored && *stored == revision) {
        checked.set(name, entry);
        continue;
      }
      const auto record = record_of_json_entry(entry, name);
      auto whole = record ? json_entry_of(*record, name) : record.error();
      // What cannot be read stays as it is, for its author.
      checked.set(name, whole ? entry_with_check(std::move(*whole), revision) : entry);
    }
    if (checked.size() > 0) {
      all.set(space, std::move(checked));
    }
  }
  return all;
}

class JsonFile final : public Backend {
 public:
  JsonFile(FileRoot root, std::string name) : root_(std::move(root)), name_(std::move(name)) {}

  const BackendTraits& traits() const noexcept override { return backends::json; }
  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override;
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override;
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override;
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override;
  Result<std::uint64_t> drop(std::string_view space, Deadline deadline) override;

 private:
  [[nodiscard]] std::string path() const { return full_path(root_, name_); }
  [[nodiscard]] Result<JsonContent> read(Deadline deadline);
  [[nodiscard]] Result<JsonContent> read_now(const Descriptor& file, const struct stat& facts) const;
  [[nodiscard]] Result<RecordLock> lock(Deadline deadline) const;
  [[nodiscard]] Result<void> write(const JsonContent& content, Deadline deadline);
  void remember(const JsonContent& content);
  [[nodiscard]] Error in_entry(const RecordKey& key, const Error& error) const {
    return Error(error.code(),
                 "the object '" + std::string(key.name) + "' of '" + std::string(key.space) + "' in '" +
                     path() + "': " + error.text(),
                 error.detail());
  }

  const FileRoot root_;
  const std::string name_;
  Mutex mutex_;
  JsonContent known_;
};

Result<JsonContent> JsonFile::read(Deadline deadline) {
  if (auto time = still_time(deadline); !time) {
    return time.error();
  }
  const Descriptor file = open_at(root_.folder.number(), name_, O_RDONLY | O_NONBLOCK);
  struct stat facts {};
  if (!file.is_open() || ::fstat(file.number(), &facts) != 0) {
    return errno == ENOENT ? Result<JsonContent>(std::in_place) : file_error("opening", path(), errno);
  }
  if (!S_ISREG(facts.st_mode)) {
    return Error(Errc::invalid_argument,
                 "'" + path() + "' is no file; for a folder use a path without .json");
  }
  const std::string identity = identity_of(facts);
  {
    const MutexLock lock(mutex_);
    if (known_.identity == identity) {
      return known_;
    }
  }
  auto content = read_now(file, facts);
  // An editor may write it in place.
  constexpr int most_readings = 20;
  for (int round = 1;; ++round) {
    struct stat now {};
    if (::fstat(file.number(), &now) == 0 && identity_of(now) == identity_of(facts)) {
      break;
    }
    if (auto time = still_time(deadline); !time) {
      return time.error();
    }
    if (round == most_readings) {
      return Error(Errc::system, "another program was writing '" + path() +
                                     "' in each attempt to read it; have it write another file, and rename "
                                     "that one");
    }
    facts = now;
    content = read_now(file, facts);
  }
  if (content) {
    content->identity = identity_of(facts);
    remember(*content);
  }
  return content;
}

void JsonFile::remember(const JsonContent& content) {
  const MutexLock lock(mutex_);
  known_ = content;
}

Result<JsonContent> JsonFile::read_now(const Descriptor& file, const struct stat& facts) const {
  constexpr off_t most_bytes = off_t{1} << 30U;
  if (facts.st_size > most_bytes) {
    return Error(Errc::value_too_large, "the file '" + path() +
                                            "' has more than 1 GiB, too much to read it for each change; "
                                            "keep such objects in file: or pack:");
  }
  std::string text(static_cast<std::size_t>(facts.st_size), '\0');
  const std::int64_t read = read_at(file, 0, std::as_writable_bytes(std::span(text)));
  if (read < 0) {
    return file_error("reading", path(), static_cast<int>(-read));
  }
  text.resize(static_cast<std::size_t>(read));
  JsonContent content;
  content.mode = facts.st_mode & json_file_mode;
  content.changed_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(changed_ns(facts), 1));
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    return content;
  }
  auto spaces = read_json(text);
  if (!spaces) {
    return Error(spaces.error().code(), "the file '" + path() + "': " + spaces.error().text(),
                 spaces.error().detail());
  }
  const bool has_spaces = spaces->kind() == Record::Kind::members &&
                          std::ranges::all_of(spaces->members(), [](const auto& space) {
                            return space.second.kind() == Record::Kind::members;
                          });
  if (!has_spaces) {
    return Error(Errc::corrupt,
                 "the file '" + path() +
                     "' has to hold members with members, {\"COLLECTION\": {\"NAME\": …}}; correct it");
  }
  content.spaces = std::move(*spaces);
  return content;
}

Result<RecordLock> JsonFile::lock(Deadline deadline) const {
  auto lock = RecordLock::take(root_, {"all", name_}, deadline);
  if (lock && !lock->holds()) {
    return Error(Errc::unsupported, "the file system of '" + path() +
                                        "' has no locks, which changing a file with all objects needs; mount "
                                        "it with them (Lustre: -o flock), or use another one");
  }
  return lock;
}

Result<void> JsonFile::write(const JsonContent& content, Deadline deadline) {
  JsonContent written;
  written.spaces = content.is_own ? content.spaces : checked_spaces(content);
  written.is_own = true;
  written.mode = content.mode;
  const auto text = json_text_of(written.spaces);
  if (!text) {
    return text.error();
  }
  const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  written.changed_ns = static_cast<std::uint64_t>(now.count());
  auto file =
      NewFile::write(root_, std::as_bytes(std::span(*text)), content.mode, written.changed_ns, deadline);
  if (!file) {
    return file.error();
  }
  int error = file->take(name_);
  if (error == 0 && root_.syncs) {
    error = sync_folder_at(root_.folder.number(), ".");
  }
  if (error != 0) {
    return file_error("replacing", path(), error);
  }
  // Nobody else replaces it while the lock is held; who edits it afterwards changes its times.
  struct stat facts {};
  if (::fstatat(root_.folder.number(), name_.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
      static_cast<std::uint64_t>(changed_ns(facts)) == written.changed_ns &&
      static_cast<std::uint64_t>(facts.st_size) == text->size()) {
    written.identity = identity_of(facts);
    remember(written);
  }
  return {};
}

Result<LoadedRecord> JsonFile::load(const RecordKey& key, std::uint64_t /*last_bytes*/, Deadline deadline) {
  const auto content = read(deadline);
  if (!content) {
    return content.error();
  }
  const Record* const entry = content->spaces[key.space].members().find(key.name);
  if (entry == nullptr) {
    return no_such_object();
  }
  const auto record = record_of_json_entry(*entry, key.name);
  return record ? loaded_copy(*record, revision_of(*entry, content->changed_ns))
                : in_entry(key, record.error());
}

Result<void> JsonFile::store(const RecordKey& key, const NewRecord& record, Deadline deadline) {
  auto entry = json_entry_of(record.bytes, key.name);
  if (!entry) {
    return entry.error();
  }
  const auto held = lock(deadline);
  if (!held) {
    return held.error();
  }
  auto content = read(deadline);
  if (!content) {
    return content.error();
  }
  Record entries = content->spaces[key.space];
  const Record* const there = entries.members().find(key.name);
  if (record.expect == Expect::absent && there != nullptr) {
    return Error(Errc::key_exists, "there is such an object in '" + path() + "'");
  }
  if (record.expect == Expect::revision) {
    if (there == nullptr) {
      return no_such_object();
    }
    if (revision_of(*there, content->changed_ns) != record.expected_revision) {
      return Error(Errc::stale, "the object has changed in '" + path() + "'");
    }
  }
  entries.set(key.name, entry_with_check(std::move(*entry), record.revision));
  content->spaces.set(key.space, std::move(entries));
  return write(*content, deadline);
}

Result<bool> JsonFile::remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) {
  const auto before = read(deadline);
  if (!before) {
    return before.error();
  }
  if (before->spaces[key.space].members().find(key.name) == nullptr) {
    return false;  // of a file that cannot be written, too
  }
  const auto held = lock(deadline);
  if (!held) {
    return held.error();
  }
  auto content = read(deadline);
  if (!content) {
    return content.error();
  }
  Record entries = content->spaces[key.space];
  const Record* const there = entries.members().find(key.name);
  if (there == nullptr || (revision != 0 && revision_of(*there, content->changed_ns) != revision)) {
    return false;
  }
  entries.remove(key.name);
  content->spaces.set(key.space, std::move(entries));
  const auto written = write(*content, deadline);
  return written ? Result<bool>(true) : written.error();
}

Result<std::vector<std::string>> JsonFile::list(std::string_view space, std::string_view prefix,
                                                Deadline deadline) {
  const auto content = read(deadline);
  if (!content) {
    return content.error();
  }
  std::vector<std::string> names;
  for (const auto& [name, entry] : content->spaces[space].members()) {
    if (name.starts_with(prefix)) {
      names.push_back(name);
    }
  }
  return names;
}

Result<std::uint64_t> JsonFile::drop(std::string_view space, Deadline deadline) {
  const auto held = lock(deadline);
  if (!held) {
    return held.error();
  }
  auto content = read(deadline);
  if (!content) {
    return content.error();
  }
  const std::uint64_t count = content->spaces[space].size();
  if (!content->spaces.remove(space)) {
    return std::uint64_t{0};
  }
  const auto written = write(*content, deadline);
  return written ? Result<std::uint64_t>(count) : written.error();
}

}  // namespace

Result<std::shared_ptr<Backend>> open_json_file(const Url& url) {
  const std::filesystem::path path(url.path);
  Url folder = url;
  folder.path = path.has_parent_path() ? path.parent_path().string() : ".";
  const std::string name = path.filename().string();
  auto root = open_plain_root(folder);
  if (!root) {
    return root.error();
  }
  if (name == ".json") {
    return Error(Errc::invalid_argument, "json: takes the path of a file, NAME.json, or of a folder");
  }
  root->lock = '.' + name + ".lock";
  remove_leftovers(*root);
  return std::shared_ptr<Backend>(std::make_shared<JsonFile>(std::move(*root), name));
}

}  // namespace locum::storage
