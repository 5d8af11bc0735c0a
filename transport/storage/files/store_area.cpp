// Files over any backend that lists: each is an object of bytes, whose name is its path.

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <set>
#include <utility>

#include "core/store.hpp"
#include "core/value/error.hpp"
#include "core/value/errors.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/key_locks.hpp"
#include "transport/storage/open.hpp"

namespace locum::storage {

namespace {

/// Stands for an empty folder, behind its path.
constexpr std::string_view folder_mark = "/";

/// A file that was read.
class StoredFile final : public AreaFile {
 public:
  StoredFile(View<std::byte[]> view, AreaFacts facts, std::uint64_t generation, LentProcessors lent)
      : view_(std::move(view)), facts_(std::move(facts)), generation_(generation), lent_(std::move(lent)) {}

  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

  [[nodiscard]] const AreaFacts& facts() const noexcept override { return facts_; }
  [[nodiscard]] bool is_unchanged() const noexcept override { return true; }  // objects never change
  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return view_.size(); }
  [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset > view_.size() || into.size() > view_.size() - offset) {
      return Error(Errc::corrupt, "the file ends at byte " + std::to_string(view_.size()) +
                                      ", within what is expected; it is incomplete");
    }
    std::copy_n(view_.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return {};
  }
  [[nodiscard]] Result<InPlace> in_place() override {
    const auto kept = std::make_shared<const View<std::byte[]>>(view_);
    return InPlace{kept, kept->span()};
  }
  [[nodiscard]] bool is_mapped() const noexcept override { return false; }
  [[nodiscard]] const std::string& path() const noexcept override { return path_; }
  void concurrently(std::size_t count, const std::function<void(std::size_t)>& call) override {
    call_concurrently(count, call, lent_);
  }

 private:
  const View<std::byte[]> view_;
  const AreaFacts facts_;
  const std::uint64_t generation_;
  const LentProcessors lent_;
  const std::string path_;  ///< empty: it is none of the operating system
};

/// A file of which parts are read: each is a request of its own, until all of it was wanted.
class PartlyStoredFile final : public AreaFile {
 public:
  PartlyStoredFile(Store store, Key key, AreaFacts facts, LentProcessors lent)
      : store_(std::move(store)), key_(key), facts_(std::move(facts)), lent_(std::move(lent)) {}

  [[nodiscard]] const AreaFacts& facts() const noexcept override { return facts_; }
  [[nodiscard]] bool is_unchanged() const noexcept override { return true; }  // objects never change
  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return facts_.size_bytes; }
  [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset > size_bytes() || into.size() > size_bytes() - offset) {
      return Error(Errc::corrupt, "the file ends at byte " + std::to_string(size_bytes()) +
                                      ", within what is expected; it is incomplete");
    }
    const auto part = store_.get_bytes(key_, {.part = {.offset = offset, .count = into.size()}});
    if (!part) {
      return gone_or(part.error());
    }
    std::copy_n(part->begin(), into.size(), into.begin());
    return {};
  }
  [[nodiscard]] Result<InPlace> in_place() override {
    const auto view = store_.get<std::byte[]>(key_);
    if (!view) {
      return gone_or(view.error());
    }
    const auto kept = std::make_shared<const View<std::byte[]>>(*view);
    return InPlace{kept, kept->span()};
  }
  [[nodiscard]] bool is_mapped() const noexcept override { return false; }
  [[nodiscard]] const std::string& path() const noexcept override { return path_; }
  void concurrently(std::size_t count, const std::function<void(std::size_t)>& call) override {
    call_concurrently(count, call, lent_);
  }

 private:
  [[nodiscard]] static Error gone_or(const Error& error) {
    return error.code() == Errc::not_found || error.code() == Errc::stale
               ? Error(Errc::stale, "the file was replaced or removed since it was opened; open it again")
               : error;
  }

  const Store store_;
  const Key key_;
  const AreaFacts facts_;
  const LentProcessors lent_;
  const std::string path_;  ///< empty: it is none of the operating system
};

/// A file that is collected in memory.
class StoredDraft final : public AreaDraft {
 public:
  StoredDraft(Store store, std::string path) : store_(std::move(store)), path_(std::move(path)) {}

  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) override {
    try {
      bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    } catch (const std::bad_alloc&) {
      return no_memory_left();
    }
    return {};
  }
  [[nodiscard]] Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return bytes_.size(); }
  [[nodiscard]] const std::vector<std::byte>& bytes() const noexcept { return bytes_; }
  [[nodiscard]] Result<void> publish() override {
    const auto done = store_.replace(path_, bytes_);
    return done ? Result<void>() : Result<void>(done.error());
  }
  [[nodiscard]] Result<bool> publish_if_free() override {
    const auto done = store_.put(path_, bytes_);
    return done || done.error().code() == Errc::key_exists ? Result<bool>(done.has_value()) : done.error();
  }

 private:
  const Store store_;
  const std::string path_;
  std::vector<std::byte> bytes_;
};

class StoreArea final : public FileArea {
 public:
  StoreArea(Store store, BackendTraits traits, std::string name)
      : store_(std::move(store)), traits_(traits), name_(std::move(name)) {}

  [[nodiscard]] Result<AreaFacts> facts(const std::string& path) override {
    if (!path.empty()) {
      std::uint64_t generation = 0;
      auto found = file_facts(path, generation);
      if (found || found.error().code() != Errc::not_found) {
        return found;
      }
    }
    const auto below = store_.keys(path.empty() ? std::string() : path + '/');
    if (!below) {
      return below.error();
    }
    return path.empty() || !below->empty() ? Result<AreaFacts>(AreaFacts{.is_folder = true, .identity = {}})
                                           : no_such_entry();
  }

  [[nodiscard]] Result<std::unique_ptr<AreaFile>> open(const std::string& path,
                                                       const OpenedHow& how) override {
    if (how.maps) {
      return Error(Errc::unsupported, "only files of file: can be mapped; leave out .map");
    }
    if (how.reads_parts && !path.empty()) {
      auto info = store_.info(path);
      if (info || info.error().code() != Errc::not_found || !how.tells_folders) {
        return info ? Result<std::unique_ptr<AreaFile>>(
                          std::make_unique<PartlyStoredFile>(store_, info->key, facts_of(*info), how.lent))
                    : info.error();
      }
    }
    auto file = path.empty() ? Result<std::unique_ptr<StoredFile>>(no_such_entry()) : opened(path, how.lent);
    if (file || file.error().code() != Errc::not_found || !how.tells_folders) {
      return file ? Result<std::unique_ptr<AreaFile>>(std::move(*file)) : file.error();
    }
    const auto found = facts(path);
    return found && found->is_folder
               ? Error(Errc::invalid_argument, "this is a folder; give the path of a file")
               : file.error();
  }

  [[nodiscard]] Result<std::unique_ptr<AreaDraft>> create(const std::string& path) override {
    const auto found = facts(path);
    if (found && found->is_folder) {
      return Error(Errc::invalid_argument, "this is a folder; give the path of a file");
    }
    return std::unique_ptr<AreaDraft>(std::make_unique<StoredDraft>(store_, path));
  }

  [[nodiscard]] Result<void> update(const UpdatedFile& file, const FileChange& change,
                                    Deadline deadline) override {
    if (!traits_.is_atomic) {
      return meets(traits_, {.is_atomic = true});
    }
    const std::string path = file.path();
    const auto end = deadline.moment(std::chrono::hours(1));
    const std::array<RecordKey, 1> key{RecordKey{file.folder, file.name}};
    // Spares threads of this process what they do in vain.
    const auto held = (file.changes_others ? around_others_ : in_process_).take(key, end);
    if (!held) {
      return held.error();
    }
    for (;;) {
      const auto done = file.reads ? update_once(path, change, end) : replace_all(path, change);
      if (!done || *done) {
        return done ? Result<void>() : done.error();
      }
      if (Deadline::Clock::now() >= end) {
        return deadline_passed("others replaced the file each time", "let fewer write one file at a time");
      }
    }
  }

  [[nodiscard]] Result<std::vector<AreaEntry>> list(const std::string& folder) override {
    const std::string prefix = folder.empty() ? std::string() : folder + '/';
    const auto names = store_.keys(prefix);
    if (!names) {
      return names.error();
    }
    if (names->empty() && !folder.empty()) {
      return no_such_entry();
    }
    std::set<std::string> folders;
    std::vector<AreaEntry> entries;
    for (const std::string& name : *names) {
      const std::string_view rest = std::string_view(name).substr(prefix.size());
      const std::size_t slash = rest.find('/');
      if (rest.empty()) {
        continue;  // the mark of this folder
      }
      if (slash == rest.npos) {
        entries.push_back({std::string(rest), false});
      } else if (folders.emplace(rest.substr(0, slash)).second) {
        entries.push_back({std::string(rest.substr(0, slash)), true});
      }
    }
    std::ranges::sort(entries, {}, &AreaEntry::name);
    return entries;
  }

  [[nodiscard]] Result<void> make_folders(const std::string& path) override {
    const auto made = store_.replace(path + std::string(folder_mark), std::vector<std::byte>());
    return made ? Result<void>() : Result<void>(made.error());
  }

  [[nodiscard]] Result<bool> remove(const std::string& path) override {
    const auto found = facts(path);
    if (!found) {
      return found.error().code() == Errc::not_found ? Result<bool>(false) : Result<bool>(found.error());
    }
    if (!found->is_folder) {
      return Result<bool>(store_.evict(path));
    }
    const auto inside = list(path);
    if (inside && !inside->empty()) {
      return Error(Errc::invalid_argument, "this folder is not empty; remove what is in it first");
    }
    return Result<bool>(store_.evict(path + std::string(folder_mark)));
  }

  [[nodiscard]] const std::string& name() const noexcept override { return name_; }

 private:
  [[nodiscard]] Result<bool> replace_all(const std::string& path, const FileChange& change) {
    StoredDraft draft(store_, path);
    auto done = change(nullptr, draft);
    done = done ? draft.publish() : std::move(done);
    return done ? Result<bool>(true) : done.error();
  }
  /// Returns false if another has changed the file meanwhile.
  [[nodiscard]] Result<bool> update_once(const std::string& path, const FileChange& change, Deadline end) {
    const auto there = opened(path, {});
    if (!there && there.error().code() == Errc::stale) {
      return false;
    }
    if (!there && there.error().code() != Errc::not_found) {
      return there.error();
    }
    StoredDraft draft(store_, path);
    if (const auto made = change(there ? there->get() : nullptr, draft); !made) {
      return made.error();
    }
    const auto done = there ? store_.replace(path, draft.bytes(),
                                             {.expected_generation = (*there)->generation(), .deadline = end})
                            : store_.put(path, draft.bytes(), {.deadline = end});
    if (done) {
      return true;
    }
    const Errc code = done.error().code();
    const bool was_other = code == Errc::stale || code == Errc::not_found || code == Errc::key_exists;
    return was_other ? Result<bool>(false) : done.error();
  }
  [[nodiscard]] Result<AreaFacts> file_facts(const std::string& path, std::uint64_t& generation) {
    const auto info = store_.info(path);
    if (!info) {
      return info.error();
    }
    generation = info->generation;
    return facts_of(*info);
  }
  [[nodiscard]] static AreaFacts facts_of(const ObjectInfo& info) {
    return {.is_folder = false,
            .size_bytes = info.size_bytes,
            .changed_ns = 0,
            .identity = to_string(info.key) + '.' + std::to_string(info.generation)};
  }
  /// `not_found` for folders, too.
  [[nodiscard]] Result<std::unique_ptr<StoredFile>> opened(const std::string& path,
                                                           const LentProcessors& lent) {
    constexpr int most_changes = 8;
    for (int change = 0; change < most_changes; ++change) {
      std::uint64_t generation = 0;
      std::uint64_t later = 0;
      auto before = file_facts(path, generation);
      if (!before) {
        return before.error();
      }
      auto view = store_.get<std::byte[]>(path);
      if (!view) {
        return view.error();
      }
      const auto after = file_facts(path, later);
      if (after && after->identity == before->identity) {
        return std::make_unique<StoredFile>(std::move(*view), std::move(*before), generation, lent);
      }
    }
    return Error(Errc::stale, "the file is replaced again and again; open it when nobody writes it");
  }

  [[nodiscard]] static Error no_such_entry() {
    return Error(Errc::not_found, "there is no such file or folder");
  }

  const Store store_;
  const BackendTraits traits_;
  const std::string name_;
  KeyLocks in_process_;
  KeyLocks around_others_;  ///< of changes that change other files
};

}  // namespace

std::shared_ptr<FileArea> area_of_store(const Store& store) {
  // Whether it is atomic, the store itself says when that is needed.
  BackendTraits traits;
  traits.is_atomic = true;
  return std::make_shared<StoreArea>(store, traits, store.name());
}

Result<std::shared_ptr<FileArea>> open_store_area(const Url& url) {
  Url plain = url;
  const std::string_view named = url.option("store");
  const std::string store_name(named.empty() ? "default" : named);
  std::erase_if(plain.options, [](const auto& option) { return option.first == "store"; });
  const auto session = open_session(to_string(plain), {.needs = {.lists = true}});
  auto store = session ? session->open(store_name) : Result<Store>(session.error());
  if (!store) {
    return store.error();
  }
  // Ranks that share what is loaded do not share the memory of one process: each has other files there.
  static std::atomic<std::uint64_t> opened{0};
  std::string name = to_string(url);
  if (session->options().traits.shared_by == SharedBy::process) {
    name += '#' + std::to_string(::getpid()) + '.' + std::to_string(opened.fetch_add(1)) + '.' +
            std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
  }
  return std::shared_ptr<FileArea>(
      std::make_shared<StoreArea>(std::move(*store), session->options().traits, std::move(name)));
}

}  // namespace locum::storage
