#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/backend.hpp"
#include "transport/storage/pack/appending.hpp"
#include "transport/storage/pack/compactor.hpp"
#include "transport/storage/pack/disk_wait.hpp"
#include "transport/storage/pack/pack.hpp"
#include "transport/storage/pack/state.hpp"
#include "transport/storage/pack/writer_options.hpp"

namespace locum::storage {

/// A pack that this session alone writes. What is appended under one lock is brought to the disk by one of
/// the threads that wait for it.
class PackWriter final : public Pack {
 public:
  using Pack::store;
  PackWriter(const std::string& path, const PackWriterOptions& options, PackContent content)
      : pack_(path, options, std::move(content)) {}
  ~PackWriter() override;

  const BackendTraits& traits() const noexcept override;
  void load(std::span<const RecordKey> keys, std::uint64_t last_bytes, std::span<Result<LoadedRecord>> loaded,
            Deadline deadline) override;
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override;
  Result<std::uint64_t> drop(std::string_view space, Deadline deadline) override;
  void store(std::span<const RecordKey> keys, std::span<const NewRecord> records,
             std::span<Result<void>> stored, Deadline deadline) override;
  void remove_revisions(std::span<const RecordKey> keys, std::span<const std::uint64_t> revisions,
                        std::span<Result<bool>> removed, Deadline deadline) override;
  std::optional<Name> any_record() override;
  bool stays_open() override;

  /// Leaves out of the file what was replaced or removed.
  [[nodiscard]] Result<void> compact() { return compactor_.compact(); }

 private:
  struct Added;
  [[nodiscard]] Result<void> plan(PackIndex::Names& names, const RecordKey& key, const NewRecord& record,
                                  Added& added) LOCUM_REQUIRES(pack_.mutex);
  void take_back(const RecordKey& key, const Added& added) LOCUM_REQUIRES(pack_.mutex);
  void begin_appending() LOCUM_REQUIRES(pack_.mutex) {
    // Without waits for the disk a killed process leaves all but what it was just writing: whatever is
    // damaged before that was whole.
    appending_.begin(pack_.content.salt, pack_.content.end,
                     pack_.options.syncs ? pack_.content.synced : pack_.content.end);
  }
  [[nodiscard]] Result<void> append() LOCUM_REQUIRES(pack_.mutex);

  PackState pack_;
  PackAppending appending_ LOCUM_GUARDED_BY(pack_.mutex);
  PackDiskWait disk_{pack_};
  PackCompactor compactor_{pack_};
};

[[nodiscard]] Result<std::shared_ptr<Pack>> open_pack_writer(const std::string& path,
                                                             const PackWriterOptions& options);

}  // namespace locum::storage
