#include "transport/storage/file/traits.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "core/backend/record_format.hpp"
#include "core/backend/record_names.hpp"
#include "core/node/promised.hpp"
#include "core/value/error.hpp"
#include "transport/storage/file/edited_files.hpp"
#include "transport/storage/file/folder_names.hpp"
#include "transport/storage/file/new_file.hpp"
#include "transport/storage/file/record_file.hpp"
#include "transport/storage/file/record_lock.hpp"
#include "transport/storage/file/root.hpp"

namespace locum::storage {

namespace {

Error has_no_locks(const FileRoot& root) {
  return Error(
      Errc::unsupported,
      "the file system of '" + root.path +
          "' has no locks, which comparing a generation needs; mount it with them (Lustre: -o flock), "
          "use another one, or replace and evict by name, whatever the generation");
}

// Where another program's file may be: with bytes that records have in their names.
bool is_record_name(const std::string& name) noexcept {
  return name.size() <= backends::file.longest_name &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.,+=@~%") ==
             std::string::npos;
}

class FileBackend final : public Backend {
 public:
  explicit FileBackend(FileRoot root) : root_(std::move(root)), traits_(backends::file) {
    traits_.in_place = root_.maps && !root_.is_plain && !root_.is_edited;
  }

  const BackendTraits& traits() const noexcept override { return traits_; }
  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override {
    return load_file(root_, path_of(key), last_bytes, deadline);
  }
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override;
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override {
    auto removed = remove_file(key, revision, deadline);
    if (!removed || !*removed) {
      return removed;
    }
    const auto kept = sync_space(key.space);
    return kept ? Result<bool>(true) : kept.error();
  }
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override;
  Result<std::uint64_t> drop(std::string_view space, Deadline deadline) override;

 private:
  [[nodiscard]] bool keeps_end(const RecordKey& key, const NewRecord& record) const;
  [[nodiscard]] Result<bool> give_name(NewFile& file, const RecordKey& key, bool replaces, Deadline deadline);
  [[nodiscard]] Result<void> replace(NewFile& file, const RecordKey& key, const NewRecord& record,
                                     Deadline deadline);
  [[nodiscard]] Result<void> make_space(std::string_view space);
  [[nodiscard]] Result<void> sync_space(std::string_view space) const;
  [[nodiscard]] Result<bool> remove_file(const RecordKey& key, std::uint64_t revision, Deadline deadline);

  const FileRoot root_;
  BackendTraits traits_;
};

// What this library itself reads again needs its end, and so does what expires: only objects that the program
// has named do without, and whose file says the name. A prefix may stand before it.
bool FileBackend::keeps_end(const RecordKey& key, const NewRecord& record) const {
  if (!root_.is_plain || record.lifetime.count() != 0 || key.space.starts_with('@') ||
      key.name.starts_with('@')) {
    return true;
  }
  const auto facts = read_record(record.bytes, record.bytes.size());
  if (!facts || facts->tail.name.empty() || promise_named(facts->words.key.store, facts->tail.name)) {
    return true;
  }
  const std::string own = RecordNames(traits_).of_name(facts->tail.name);
  return RecordNames::is_hashed(own) || !key.name.ends_with(own);
}

Result<void> FileBackend::store(const RecordKey& key, const NewRecord& record, Deadline deadline) {
  const bool keeps = keeps_end(key, record);
  const auto bytes =
      keeps ? record.bytes : record.bytes.first(record.bytes.size() - record_end_bytes(record.bytes));
  const mode_t mode = !keeps || root_.is_edited      ? plain_mode
                      : record_end_bytes(bytes) != 0 ? record_mode
                                                     : wrapped_mode;
  auto file = NewFile::write(root_, bytes, mode, record.revision, deadline);
  if (!file) {
    return file.error();
  }
  if (record.expect != Expect::revision) {
    const auto placed = give_name(*file, key, false, deadline);
    if (!placed) {
      return placed.error();
    }
    if (*placed) {
      return sync_space(key.space);
    }
    if (record.expect == Expect::absent) {
      return Error(Errc::key_exists, "there is a file '" + full_path(root_, path_of(key)) + "'");
    }
  }
  auto replaced = replace(*file, key, record, deadline);
  return replaced ? sync_space(key.space) : replaced;
}

// Nobody else replaces or removes it meanwhile: what is compared here is what is replaced.
Result<void> FileBackend::replace(NewFile& file, const RecordKey& key, const NewRecord& record,
                                  Deadline deadline) {
  const auto lock = RecordLock::take(root_, key, deadline);
  if (!lock) {
    return lock.error();
  }
  if (record.expect == Expect::revision) {
    if (!lock->holds()) {
      return has_no_locks(root_);
    }
    const auto current = revision_at(root_, path_of(key));
    if (!current) {
      return current.error();
    }
    if (*current != record.expected_revision) {
      return Error(Errc::stale, "the file '" + full_path(root_, path_of(key)) + "' has changed");
    }
  }
  const auto placed = give_name(file, key, true, deadline);
  return placed ? Result<void>() : placed.error();
}

// False: something has the name. Makes the space's folder if that is missing; others may be removing it.
Result<bool> FileBackend::give_name(NewFile& file, const RecordKey& key, bool replaces, Deadline deadline) {
  constexpr int most_rounds = 100;
  const std::string path = path_of(key);
  int error = 0;
  for (int round = 0; round < most_rounds; ++round) {
    error = replaces ? file.take(path) : file.take_free(path);
    if (error == 0) {
      return true;
    }
    if (error == EEXIST && !replaces) {
      return false;
    }
    if (error != ENOENT) {
      break;
    }
    if (auto time = still_time(deadline); !time) {
      return time.error();
    }
    if (auto made = make_space(key.space); !made) {
      return made.error();
    }
  }
  return file_error("naming", full_path(root_, path), error);
}

Result<void> FileBackend::make_space(std::string_view space) {
  const std::string folder(space);
  if (::mkdirat(root_.folder.number(), folder.c_str(), 0777) != 0 && errno != EEXIST) {
    return file_error("making the folder", full_path(root_, folder), errno);
  }
  // Also if another made it, which may not have come so far.
  const int error = root_.syncs ? sync_file(root_.folder) : 0;
  return error == 0 || error == EINVAL ? Result<void>() : file_error("writing the folder", root_.path, error);
}

Result<void> FileBackend::sync_space(std::string_view space) const {
  if (!root_.syncs) {
    return {};
  }
  const std::string folder(space);
  const int error = sync_folder_at(root_.folder.number(), folder);
  return error == 0 || error == ENOENT  // somebody dropped it
             ? Result<void>()
             : file_error("writing the folder", full_path(root_, folder), error);
}

Result<bool> FileBackend::remove_file(const RecordKey& key, std::uint64_t revision, Deadline deadline) {
  const std::string path = path_of(key);
  if (::faccessat(root_.folder.number(), path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) {
    return false;  // which a folder without write permission can say, too
  }
  const auto lock = RecordLock::take(root_, key, deadline);
  if (!lock) {
    return lock.error();
  }
  if (revision != 0) {
    if (!lock->holds()) {
      return has_no_locks(root_);
    }
    const auto current = revision_at(root_, path);
    if (!current) {
      return current.error().code() == Errc::not_found ? Result<bool>(false) : current.error();
    }
    if (*current != revision) {
      return false;
    }
  }
  if (::unlinkat(root_.folder.number(), path.c_str(), 0) == 0) {
    return true;
  }
  return errno == ENOENT || errno == ENOTDIR || errno == EISDIR
             ? Result<bool>(false)
             : file_error("removing", full_path(root_, path), errno);
}

Result<std::vector<std::string>> FileBackend::list(std::string_view space, std::string_view prefix,
                                                   Deadline deadline) {
  if (auto time = still_time(deadline); !time) {
    return time.error();
  }
  auto names = names_in_folder(root_.folder.number(), std::string(space));
  if (names) {
    std::erase_if(
        *names, [&](const std::string& name) { return !name.starts_with(prefix) || !is_record_name(name); });
  }
  return names;
}

Result<std::uint64_t> FileBackend::drop(std::string_view space, Deadline deadline) {
  const auto names = list(space, {}, deadline);
  if (!names) {
    return names.error();
  }
  std::uint64_t dropped = 0;
  for (const std::string& name : *names) {
    auto time = still_time(deadline);
    const auto removed = time ? remove_file({space, name}, 0, deadline) : Result<bool>(time.error());
    if (!removed) {
      return removed.error();
    }
    dropped += *removed ? 1 : 0;
  }
  if (auto kept = sync_space(space); !kept) {
    return kept.error();
  }
  // It stays if there is more in it: what others have just stored, or put there.
  if (::unlinkat(root_.folder.number(), std::string(space).c_str(), AT_REMOVEDIR) == 0 && root_.syncs) {
    (void)sync_file(root_.folder);
  }
  return dropped;
}

}  // namespace

Result<std::shared_ptr<Backend>> open_edited_files(const Url& url) {
  auto root = open_plain_root(url);
  if (!root) {
    return root.error();
  }
  root->is_edited = true;
  remove_leftovers(*root);
  return std::shared_ptr<Backend>(std::make_shared<FileBackend>(std::move(*root)));
}

Result<std::shared_ptr<Backend>> open_file(const Url& url) {
  auto root = open_root(url);
  if (!root) {
    return root.error();
  }
  remove_leftovers(*root);
  return std::shared_ptr<Backend>(std::make_shared<FileBackend>(std::move(*root)));
}

}  // namespace locum::storage
