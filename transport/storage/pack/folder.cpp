#include "transport/storage/pack/folder.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/batch_places.hpp"
#include "transport/storage/backend_by_batches.hpp"
#include "transport/storage/errors.hpp"
#include "transport/storage/pack/folder_names.hpp"
#include "transport/storage/pack/folder_root.hpp"
#include "transport/storage/pack/open_packs.hpp"
#include "transport/storage/pack/traits.hpp"

namespace locum::storage {

namespace {

/// The records of a batch that are in one pack.
struct Part {
  std::string path;
  std::vector<std::size_t> at;  ///< their places in the batch, in its order; none: it is the whole batch
};

bool are_in_one_pack(std::span<const RecordKey> keys) noexcept {
  return std::ranges::all_of(keys, [first = keys.front()](const RecordKey& key) {
    return key.space == first.space && collection_of(key.name) == collection_of(first.name);
  });
}

std::vector<Part> parts_of(std::span<const RecordKey> keys) {
  std::vector<Part> parts;
  if (keys.empty()) {
    return parts;
  }
  if (are_in_one_pack(keys)) {
    parts.push_back({pack_path_of(keys.front()), {}});
    return parts;
  }
  std::unordered_map<std::string, std::size_t> known;
  for (std::size_t at = 0; at < keys.size(); ++at) {
    const auto [found, is_new] = known.try_emplace(pack_path_of(keys[at]), parts.size());
    if (is_new) {
      parts.push_back({found->first, {}});
    }
    parts[found->second].at.push_back(at);
  }
  return parts;
}

template <class T>
void fill(std::span<T> all, const Part& part, const T& with) {
  if (part.at.empty()) {
    std::ranges::fill(all, with);
  }
  for (const std::size_t at : part.at) {
    all[at] = with;
  }
}

/// Passes each call on to the pack that has the record.
class PackFolder final : public BackendByBatches {
 public:
  using BackendByBatches::store;
  explicit PackFolder(PackFolderRoot root)
      : root_(std::move(root)),
        packs_([this](const std::string& path, bool makes) { return root_.open_pack(path, makes); },
               most_open_packs) {}

  const BackendTraits& traits() const noexcept override { return backends::pack; }

  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override {
    auto pack = packs_.use(pack_path_of(key), false, deadline);
    return pack ? (*pack)->load(key, last_bytes, deadline) : pack.error();
  }
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override;
  Result<std::uint64_t> drop(std::string_view space, Deadline deadline) override;
  void load(std::span<const RecordKey> keys, std::uint64_t last_bytes, std::span<Result<LoadedRecord>> loaded,
            Deadline deadline) override;
  void store(std::span<const RecordKey> keys, std::span<const NewRecord> records,
             std::span<Result<void>> stored, Deadline deadline) override;

 private:
  void remove_revisions(std::span<const RecordKey> keys, std::span<const std::uint64_t> revisions,
                        std::span<Result<bool>> removed, Deadline deadline) override;

  const PackFolderRoot root_;
  OpenPacks packs_;
};

Result<std::vector<std::string>> PackFolder::list(std::string_view space, std::string_view prefix,
                                                  Deadline deadline) {
  const auto paths = root_.packs_like(space, prefix);
  if (!paths) {
    return paths.error();
  }
  std::vector<std::string> all;
  for (const std::string& path : *paths) {
    if (auto time = still_time(deadline); !time) {
      return time.error();
    }
    auto pack = packs_.use(path, false, deadline);
    auto names = pack ? (*pack)->list(space, prefix, deadline) : pack.error();
    if (names) {
      all.insert(all.end(), std::make_move_iterator(names->begin()), std::make_move_iterator(names->end()));
    } else if (names.error().code() != Errc::not_found) {  // it was removed meanwhile, or is being made
      return names.error();
    }
  }
  return all;
}

void PackFolder::load(std::span<const RecordKey> keys, std::uint64_t last_bytes,
                      std::span<Result<LoadedRecord>> loaded, Deadline deadline) {
  for (const Part& part : parts_of(keys)) {
    auto pack = packs_.use(part.path, false, deadline);
    if (!pack) {
      fill(loaded, part, Result<LoadedRecord>(pack.error()));
    } else if (part.at.empty()) {
      (*pack)->load(keys, last_bytes, loaded, deadline);
    } else {
      for (const std::size_t at : part.at) {
        loaded[at] = (*pack)->load(keys[at], last_bytes, deadline);
      }
    }
  }
}

void PackFolder::store(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                       std::span<Result<void>> stored, Deadline deadline) {
  if (root_.only_reads()) {
    std::ranges::fill(stored, Result<void>(opened_to_read("read=1")));
    return;
  }
  for (const Part& part : parts_of(keys)) {
    auto pack = packs_.use(part.path, true, deadline);
    if (!pack) {
      fill(stored, part, Result<void>(pack.error()));
    } else if (part.at.empty()) {
      (*pack)->store(keys, records, stored, deadline);
    } else {
      std::vector<Result<void>> some(part.at.size());
      (*pack)->store(picked(keys, part.at), picked(records, part.at), some, deadline);
      put_back(std::move(some), part.at, stored);
    }
  }
}

// Who takes the last record of a pack away removes its file.
void PackFolder::remove_revisions(std::span<const RecordKey> keys, std::span<const std::uint64_t> revisions,
                                  std::span<Result<bool>> removed, Deadline deadline) {
  if (root_.only_reads()) {
    std::ranges::fill(removed, Result<bool>(opened_to_read("read=1")));
    return;
  }
  for (const Part& part : parts_of(keys)) {
    auto pack = packs_.use(part.path, false, deadline);
    if (!pack) {
      fill(removed, part,
           pack.error().code() == Errc::not_found ? Result<bool>(false) : Result<bool>(pack.error()));
      continue;
    }
    if (part.at.empty()) {
      (*pack)->remove_revisions(keys, revisions, removed, deadline);
    } else {
      std::vector<Result<bool>> some(part.at.size(), Result<bool>(false));
      (*pack)->remove_revisions(picked(keys, part.at), picked(revisions, part.at), some, deadline);
      put_back(std::move(some), part.at, removed);
    }
    // A disk that failed is known only as long as the pack is open.
    if (removed[part.at.empty() ? 0 : part.at.front()] && !(*pack)->any_record()) {
      pack->close_when_unused();
    }
  }
}

Result<std::uint64_t> PackFolder::drop(std::string_view space, Deadline deadline) {
  if (root_.only_reads()) {
    return opened_to_read("read=1");
  }
  const auto closed = packs_.close_all_in(pack_folder_name(space), deadline);
  if (!closed) {
    return closed.error();
  }
  auto count = root_.count_records(space, deadline);
  if (!count) {
    return count;
  }
  const auto removed = root_.remove_space(space);
  return removed ? count : removed.error();
}

}  // namespace

Result<std::shared_ptr<Backend>> open_pack_folder(const std::string& path, const PackWriterOptions& options) {
  auto root = PackFolderRoot::open_writer(path, options);
  if (!root) {
    return root.error();
  }
  if (options.compacts || options.repairs) {
    if (auto compacted = root->compact_all(options); !compacted) {
      return compacted.error();
    }
  }
  return std::shared_ptr<Backend>(std::make_shared<PackFolder>(std::move(*root)));
}

Result<std::shared_ptr<Backend>> open_pack_folder_reader(const std::string& path) {
  auto root = PackFolderRoot::open_reader(path);
  return root ? Result<std::shared_ptr<Backend>>(std::make_shared<PackFolder>(std::move(*root)))
              : root.error();
}

}  // namespace locum::storage
