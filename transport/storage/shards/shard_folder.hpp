#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/files/shared_parts.hpp"
#include "transport/storage/shards/shard_draft.hpp"
#include "transport/storage/shards/shard_file.hpp"
#include "transport/storage/shards/shard_set_index.hpp"
#include "transport/storage/shards/shard_source.hpp"

namespace locum::storage {

/// Shards of locum's own format: the files `KEY.shard` of a folder.
class ShardFolder final : public ShardSource {
 public:
  /// \param folder of the area; empty: the area itself. \param parts as in ShardFile::open()
  /// \param keeps_index false: the index file is not written either
  ShardFolder(std::shared_ptr<FileArea> area, std::string folder, ShardForm form,
              std::shared_ptr<SharedParts> parts, bool keeps_index = true);
  /// Writes what the index lacks of what this has written.
  ~ShardFolder() override;

  [[nodiscard]] std::string_view type() const noexcept override { return form_->type; }
  [[nodiscard]] Result<std::vector<std::string>> keys(const std::string& after, std::size_t most,
                                                      Deadline deadline) override LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<std::vector<ShardFacts>> index(Deadline deadline) override LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<std::shared_ptr<const OpenShard>> open(const std::string& key,
                                                              Deadline deadline) override;
  [[nodiscard]] Result<std::unique_ptr<ShardDraft>> create(const std::string& key) override;
  [[nodiscard]] Result<bool> remove(const std::string& key, Deadline deadline) override
      LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Error none() const override;

 private:
  /// A shard that this has written.
  struct Own {
    ShardFacts facts;
    std::string identity;  ///< of its file's content
  };
  using OwnByKey = std::map<std::string, Own, std::less<>>;
  /// What drafts share, which may outlive this.
  struct Written {
    Mutex mutex;
    OwnByKey facts LOCUM_GUARDED_BY(mutex);         ///< that the index file lacks
    std::size_t known LOCUM_GUARDED_BY(mutex) = 0;  ///< about how many shards the index file has
  };

  [[nodiscard]] std::string path_of(const std::string& key) const;
  /// Returns the keys in the folder, in ascending order.
  [[nodiscard]] Result<std::vector<std::string>> list() const;
  [[nodiscard]] Result<std::unique_ptr<AreaFile>> open_file(const std::string& key) const;
  /// Returns those facts that are of the shards that are there now.
  [[nodiscard]] static ShardFactsByKey still_true(FileArea& area, const std::string& folder,
                                                  const OwnByKey& own);
  static void note(Written& written, const std::shared_ptr<FileArea>& area, const std::string& folder,
                   const ShardFacts& facts, Deadline deadline);

  const std::shared_ptr<FileArea> area_;
  const std::string folder_;
  const std::shared_ptr<const ShardForm> form_;
  const std::shared_ptr<SharedParts> parts_;
  const ShardSetIndex index_;
  const bool keeps_index_;
  const std::shared_ptr<Written> written_;
  Mutex mutex_;
  std::vector<std::string> listed_ LOCUM_GUARDED_BY(mutex_);  ///< by the keys() that began at the beginning
};

/// Makes memory for what ranks of a node decode of shards, each block once. Null where no other process has
/// the session's memory. \param store of the session
[[nodiscard]] std::shared_ptr<SharedParts> parts_of_shards(const Session& session, const Store& store);

}  // namespace locum::storage
