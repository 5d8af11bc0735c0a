#include "transport/storage/pack/reader.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "transport/storage/errors.hpp"
#include "transport/storage/pack/content.hpp"
#include "transport/storage/pack/loading.hpp"
#include "transport/storage/pack/traits.hpp"

namespace locum::storage {

namespace {

Result<PackContent> opened_for_reading(const std::string& path) {
  auto file = PackFile::open(path, PackFile::As::reader, false);
  return file ? look_into_pack(std::move(*file), path) : file.error();
}

class PackReader final : public Pack {
 public:
  using Pack::store;
  PackReader(std::string path, PackContent content) : path_(std::move(path)), content_(std::move(content)) {}

  const BackendTraits& traits() const noexcept override { return backends::pack; }

  void load(std::span<const RecordKey> keys, std::uint64_t last_bytes, std::span<Result<LoadedRecord>> loaded,
            Deadline /*deadline*/) override {
    load_records(
        keys, last_bytes, loaded,
        [&](std::span<PackIndex::Entry> entries) -> Result<std::shared_ptr<PackFile>> {
          const MutexLock lock(mutex_);
          const auto looked = look();
          return looked ? place_in(*content_, keys, entries)
                        : Result<std::shared_ptr<PackFile>>(looked.error());
        },
        [&](const RecordKey& key, const PackFile& file, const PackIndex::Entry& entry) {
          const MutexLock lock(mutex_);
          if (content_) {
            note_checked(*content_, key, file, entry);
          }
        });
  }
  void store(std::span<const RecordKey> /*keys*/, std::span<const NewRecord> /*records*/,
             std::span<Result<void>> stored, Deadline /*deadline*/) override {
    std::ranges::fill(stored, Result<void>(opened_to_read("read=1")));
  }
  void remove_revisions(std::span<const RecordKey> /*keys*/, std::span<const std::uint64_t> /*revisions*/,
                        std::span<Result<bool>> removed, Deadline /*deadline*/) override {
    std::ranges::fill(removed, Result<bool>(opened_to_read("read=1")));
  }
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline /*deadline*/) override {
    const MutexLock lock(mutex_);
    if (auto looked = look(); !looked) {
      return looked.error();
    }
    return names_like(content_->index, space, prefix);
  }
  Result<std::uint64_t> drop(std::string_view /*space*/, Deadline /*deadline*/) override {
    return opened_to_read("read=1");
  }
  std::optional<Name> any_record() override {
    const MutexLock lock(mutex_);
    return look() ? content_->index.any() : std::nullopt;
  }

 private:
  // What was appended since, or the file that has its place now. `not_found`: there is none any more. The
  // writer cuts off a batch for which there was no room: what was seen of it may end, or go on, elsewhere.
  Result<void> look() LOCUM_REQUIRES(mutex_) {
    const PackLook now = look_at(path_);
    if (now.is_gone || !content_ || (now.inode != 0 && now.inode != content_->file->inode()) ||
        (now.inode != 0 && now.size_bytes < content_->end)) {
      return open_again();
    }
    if (now.size_bytes <= content_->end || read_on(*content_, path_, now.size_bytes)) {
      return {};
    }
    return open_again();
  }
  Result<void> open_again() LOCUM_REQUIRES(mutex_) {
    content_.reset();  // first, so that nobody keeps the room of a removed file
    auto other = opened_for_reading(path_);
    if (!other) {
      return other.error();
    }
    content_ = std::move(*other);
    return {};
  }

  const std::string path_;
  Mutex mutex_;
  std::optional<PackContent> content_ LOCUM_GUARDED_BY(mutex_);  ///< none: the file was removed
};

}  // namespace

Result<std::shared_ptr<Pack>> open_pack_reader(const std::string& path) {
  auto content = opened_for_reading(path);
  return content ? Result<std::shared_ptr<Pack>>(std::make_shared<PackReader>(path, std::move(*content)))
                 : content.error();
}

}  // namespace locum::storage
