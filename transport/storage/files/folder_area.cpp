// Files of the operating system: an area that is a folder.

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include "core/base/back_off.hpp"
#include "core/base/resolved_path.hpp"
#include "core/ports/backend.hpp"
#include "core/value/error.hpp"
#include "core/value/errors.hpp"
#include "transport/storage/errors.hpp"
#include "transport/storage/file/new_file.hpp"
#include "transport/storage/file/record_lock.hpp"
#include "transport/storage/file/root.hpp"
#include "transport/storage/file_calls.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/key_locks.hpp"

namespace locum::storage {

namespace {

constexpr mode_t new_file_mode = 0666;
constexpr const char* lock_name = ".lock";
/// Between looks at a file that others have made, and that is not found yet.
constexpr std::chrono::milliseconds shortest_look{1};
constexpr std::chrono::milliseconds longest_look{100};

Error no_such_file() {
  return Error(Errc::not_found, "there is no such file or folder");
}

AreaFacts area_facts(const struct stat& facts) {
  AreaFacts made;
  made.is_folder = S_ISDIR(facts.st_mode);
  made.changed_ns = changed_ns(facts);
  if (!made.is_folder) {
    made.size_bytes = static_cast<std::uint64_t>(facts.st_size);
    // The time of change of the inode is set by the system alone: a program that changes a file and sets its
    // time back is seen all the same.
    made.identity = std::to_string(facts.st_dev) + '.' + std::to_string(facts.st_ino) + '.' +
                    std::to_string(facts.st_size) + '.' + std::to_string(made.changed_ns) + '.' +
                    std::to_string(facts.st_ctim.tv_sec) + '.' + std::to_string(facts.st_ctim.tv_nsec);
  }
  return made;
}

/// A file that is open.
class FolderFile final : public AreaFile {
 public:
  FolderFile(Descriptor file, AreaFacts facts, OpenedHow how, std::string path)
      : file_(std::move(file)), facts_(std::move(facts)), how_(std::move(how)), path_(std::move(path)) {}

  [[nodiscard]] const AreaFacts& facts() const noexcept override { return facts_; }
  // The inode's time changes, too, when another file takes the path: the file is removed by that, and nobody
  // opens it to write any more.
  [[nodiscard]] bool is_unchanged() const noexcept override {
    struct stat found {};
    if (::fstat(file_.number(), &found) != 0) {
      return false;
    }
    const AreaFacts now = area_facts(found);
    return now.identity == facts_.identity || (found.st_nlink == 0 && now.size_bytes == facts_.size_bytes &&
                                               now.changed_ns == facts_.changed_ns);
  }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return facts_.size_bytes; }
  [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
    return read_in_pieces(
        into, [&](std::size_t at, std::span<std::byte> piece) { return read_part(offset + at, piece); },
        how_.lent);
  }
  [[nodiscard]] Result<InPlace> in_place() override {
    if (all_.owner != nullptr || size_bytes() == 0) {
      return all_;
    }
    const auto size = static_cast<std::size_t>(size_bytes());
    if (how_.maps) {
      void* const at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file_.number(), 0);
      if (at == MAP_FAILED) {
        return file_error("mapping", path_, errno);
      }
      all_ = {std::shared_ptr<const void>(
                  at, [size](const void* mapped) { ::munmap(const_cast<void*>(mapped), size); }),
              {static_cast<const std::byte*>(at), size}};
      return all_;
    }
    const auto memory = record_memory(size_bytes());
    if (!memory) {
      return no_memory_left();
    }
    if (auto done = read(0, {memory.get(), size}); !done) {
      return done.error();
    }
    all_ = {memory, {memory.get(), size}};
    return all_;
  }
  [[nodiscard]] bool is_mapped() const noexcept override { return how_.maps; }
  [[nodiscard]] const std::string& path() const noexcept override { return path_; }
  void concurrently(std::size_t count, const std::function<void(std::size_t)>& call) override {
    call_concurrently(count, call, how_.lent);
  }

 private:
  [[nodiscard]] Result<void> read_part(std::uint64_t offset, std::span<std::byte> into) {
    const std::int64_t read = read_at(file_, offset, into);
    if (read < 0) {
      return file_error("reading", path_, static_cast<int>(-read));
    }
    if (static_cast<std::uint64_t>(read) != into.size()) {
      return Error(Errc::corrupt, "the file ends at byte " +
                                      std::to_string(offset + static_cast<std::uint64_t>(read)) + ", where " +
                                      std::to_string(into.size() - static_cast<std::uint64_t>(read)) +
                                      " more bytes are expected; it is incomplete, or was cut meanwhile");
    }
    return {};
  }

  Descriptor file_;
  const AreaFacts facts_;
  const OpenedHow how_;
  const std::string path_;
  InPlace all_;
};

/// A file that is written beside the others, and gets its path at the end.
class FolderDraft final : public AreaDraft {
 public:
  FolderDraft(std::shared_ptr<const FileRoot> root, NewFile file, std::string path)
      : root_(std::move(root)), file_(std::move(file)), path_(std::move(path)) {}

  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) override {
    if (const std::uint64_t most = largest_file(); bytes.size() > most || size_ > most - bytes.size()) {
      return over_file_limit("the file", size_ + bytes.size());
    }
    auto done = put(size_, bytes);
    size_ += done ? bytes.size() : 0;
    return done;
  }
  [[nodiscard]] Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    return put(offset, bytes);
  }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return size_; }
  [[nodiscard]] Result<void> publish() override {
    const auto done = publish(false);
    return done ? Result<void>() : done.error();
  }
  [[nodiscard]] Result<bool> publish_if_free() override { return publish(true); }
  /// Returns false if it may take a free path only, and there is a file.
  [[nodiscard]] Result<bool> publish(bool takes_free_path) {
    // The system's own times of change are some milliseconds apart: a file that is replaced twice in between
    // may get the inode of the first one, and would be taken for it.
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto changed_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
    if (auto done = file_.finish(static_cast<std::uint64_t>(changed_ns)); !done) {
      return done.error();
    }
    int error = take(takes_free_path);
    if (error == ENOENT) {
      // Most files go to a folder that exists: to look for it first would be in vain.
      auto made = make_folder(std::filesystem::path(full_path(*root_, area_folder_of(path_))), root_->syncs);
      if (!made) {
        return made.error();
      }
      error = take(takes_free_path);
    }
    if (error == EISDIR) {
      return Error(Errc::invalid_argument, "this is a folder; give the path of a file");
    }
    if (takes_free_path && error == EEXIST) {
      return false;
    }
    if (error == 0 && root_->syncs) {
      error =
          sync_folder_at(root_->folder.number(), area_folder_of(path_).empty() ? "." : area_folder_of(path_));
    }
    return error == 0 ? Result<bool>(true) : file_error("replacing", full_path(*root_, path_), error);
  }

 private:
  [[nodiscard]] int take(bool takes_free_path) noexcept {
    return takes_free_path ? file_.take_free(path_) : file_.take(path_);
  }
  [[nodiscard]] Result<void> put(std::uint64_t offset, std::span<const std::byte> bytes) {
    const int error = storage::write_at(file_.file(), offset, bytes);
    return error == 0 ? Result<void>() : file_error("writing", full_path(*root_, path_), error);
  }

  const std::shared_ptr<const FileRoot> root_;
  NewFile file_;
  const std::string path_;
  std::uint64_t size_ = 0;
};

class FolderArea final : public FileArea {
 public:
  explicit FolderArea(FileRoot root) : root_(std::make_shared<const FileRoot>(std::move(root))) {
    remove_leftovers(*root_);
  }

  [[nodiscard]] Result<AreaFacts> facts(const std::string& path) override {
    struct stat facts {};
    if (::fstatat(root_->folder.number(), path.empty() ? "." : path.c_str(), &facts, 0) != 0) {
      return missing("reading", path);
    }
    return area_facts(facts);
  }

  [[nodiscard]] Result<std::unique_ptr<AreaFile>> open(const std::string& path,
                                                       const OpenedHow& how) override {
    // Without waiting: somebody may have put a pipe there.
    Descriptor file = open_at(root_->folder.number(), path.empty() ? "." : path, O_RDONLY | O_NONBLOCK);
    struct stat found {};
    if (!file.is_open() || ::fstat(file.number(), &found) != 0) {
      return missing("opening", path);
    }
    if (!S_ISREG(found.st_mode)) {
      return Error(Errc::invalid_argument, S_ISDIR(found.st_mode)
                                               ? "this is a folder; give the path of a file"
                                               : "this is neither a file nor a folder; it cannot be loaded");
    }
    return std::unique_ptr<AreaFile>(
        std::make_unique<FolderFile>(std::move(file), area_facts(found), how, full_path(*root_, path)));
  }

  [[nodiscard]] Result<std::unique_ptr<AreaDraft>> create(const std::string& path) override {
    auto draft = begin(path);
    return draft ? Result<std::unique_ptr<AreaDraft>>(std::move(*draft)) : draft.error();
  }

  // A lock, and not a comparison of what the file was and is: no file system replaces a file on condition.
  // Where there is no file, it does make one on condition: who asks a server hears of a file that another
  // host has made, although its own system may say for some seconds that there is none.
  [[nodiscard]] Result<void> update(const UpdatedFile& file, const FileChange& change,
                                    Deadline deadline) override {
    const std::string path = file.path();
    const auto end = deadline.moment(std::chrono::hours(1));
    const std::array<RecordKey, 1> key{RecordKey{file.folder, file.name}};
    const auto held = (file.changes_others ? around_others_ : in_process_).take(key, end);
    if (!held) {
      return held.error();
    }
    const std::string lock_file = file.folder.empty() ? lock_name : file.folder + '/' + lock_name;
    const auto lock = RecordLock::take_of_file(*root_, {lock_file, file.name, file.changes_others}, end);
    if (!lock || !lock->holds()) {
      return lock ? Error(Errc::unsupported, "the file system of '" + full_path(*root_, lock_file) +
                                                 "' has no locks, which keep apart two who change a file; "
                                                 "write whole files there")
                  : lock.error();
    }
    for (BackOff pauses(shortest_look, longest_look);;) {
      auto there = file.reads ? open(path, {}) : Result<std::unique_ptr<AreaFile>>(nullptr);
      if (!there && there.error().code() != Errc::not_found) {
        return there.error();
      }
      const bool takes_free_path = !there;
      const auto draft = begin(path);
      auto done = draft ? change(there ? there->get() : nullptr, **draft) : Result<void>(draft.error());
      const auto is_done = done ? (*draft)->publish(takes_free_path) : Result<bool>(done.error());
      if (!is_done || *is_done) {
        return is_done ? Result<void>() : is_done.error();
      }
      if (Deadline::Clock::now() >= end) {
        return deadline_passed("something has the path of the file, and no file is found there",
                               "look for a link that leads nowhere, or a file system that hides new files");
      }
      std::this_thread::sleep_for(pauses.next());
      // To open a folder makes the system forget which files are not in it.
      (void)open_at(root_->folder.number(), area_folder_of(path).empty() ? "." : area_folder_of(path),
                    O_RDONLY | O_DIRECTORY);
    }
  }

  [[nodiscard]] Result<std::vector<AreaEntry>> list(const std::string& folder) override {
    Descriptor opened =
        open_at(root_->folder.number(), folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
    DIR* const read = opened.is_open() ? ::fdopendir(opened.number()) : nullptr;
    if (read == nullptr) {
      return missing("reading", folder);
    }
    (void)opened.release();
    const std::unique_ptr<DIR, int (*)(DIR*)> closed(read, &::closedir);
    std::vector<AreaEntry> entries;
    for (;;) {
      errno = 0;
      const dirent* const entry = ::readdir(read);
      if (entry == nullptr) {
        break;
      }
      const std::string_view name(entry->d_name);
      if (name == "." || name == ".." || (folder.empty() && name == unfinished_folder)) {
        continue;
      }
      bool is_folder = entry->d_type == DT_DIR;
      if (entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN) {
        struct stat facts {};
        is_folder = ::fstatat(::dirfd(read), entry->d_name, &facts, 0) == 0 && S_ISDIR(facts.st_mode);
      }
      entries.push_back({std::string(name), is_folder});
    }
    if (errno != 0) {
      return missing("reading", folder);
    }
    std::ranges::sort(entries, {}, &AreaEntry::name);
    return entries;
  }

  [[nodiscard]] Result<void> make_folders(const std::string& path) override {
    return make_folder(std::filesystem::path(full_path(*root_, path)), root_->syncs);
  }

  [[nodiscard]] Result<bool> remove(const std::string& path) override {
    const int at = root_->folder.number();
    if (::unlinkat(at, path.c_str(), 0) == 0) {
      return true;
    }
    if (errno == EISDIR || errno == EPERM) {
      if (::unlinkat(at, path.c_str(), AT_REMOVEDIR) == 0) {
        return true;
      }
      if (errno == ENOTEMPTY || errno == EEXIST) {
        return Error(Errc::invalid_argument, "this folder is not empty; remove what is in it first");
      }
    }
    return errno == ENOENT || errno == ENOTDIR
               ? Result<bool>(false)
               : Result<bool>(file_error("removing", full_path(*root_, path), errno));
  }

  [[nodiscard]] const std::string& name() const noexcept override { return root_->path; }

 private:
  [[nodiscard]] Result<std::unique_ptr<FolderDraft>> begin(const std::string& path) {
    if (path.starts_with(std::string(unfinished_folder) + '/') || path == unfinished_folder) {
      return Error(Errc::invalid_argument, "files in progress are kept in this folder; give another one");
    }
    if (path.empty()) {
      return Error(Errc::invalid_argument, "this is a folder; give the path of a file");
    }
    // Who may read the file that it takes the place of, and nobody else.
    struct stat there {};
    const bool replaces =
        ::fstatat(root_->folder.number(), path.c_str(), &there, 0) == 0 && S_ISREG(there.st_mode);
    auto file = NewFile::begin(*root_, replaces ? there.st_mode & mode_t{0777} : new_file_mode);
    return file ? Result<std::unique_ptr<FolderDraft>>(
                      std::make_unique<FolderDraft>(root_, std::move(*file), path))
                : file.error();
  }

  [[nodiscard]] Error missing(const char* doing, const std::string& path) const {
    return errno == ENOENT || errno == ENOTDIR || errno == ENXIO
               ? no_such_file()
               : file_error(doing, full_path(*root_, path), errno);
  }

  const std::shared_ptr<const FileRoot> root_;
  KeyLocks in_process_;
  KeyLocks around_others_;  ///< of changes that change other files
};

}  // namespace

Result<std::shared_ptr<FileArea>> open_folder_area(const Url& url, bool makes) {
  auto root = open_plain_root(url, makes);
  return root ? Result<std::shared_ptr<FileArea>>(std::make_shared<FolderArea>(std::move(*root)))
              : root.error();
}

}  // namespace locum::storage
