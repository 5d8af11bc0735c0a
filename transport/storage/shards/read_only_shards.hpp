#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "transport/storage/shards/shard_source.hpp"

namespace locum::storage {

/// Other shards, which this only reads. A set without shards is an error: whoever only reads has most likely
/// given the wrong name.
class ReadOnlyShards final : public ShardSource {
 public:
  explicit ReadOnlyShards(std::shared_ptr<ShardSource> shards) noexcept : shards_(std::move(shards)) {}

  [[nodiscard]] std::string_view type() const noexcept override { return shards_->type(); }
  [[nodiscard]] Result<std::vector<std::string>> keys(const std::string& after, std::size_t most,
                                                      Deadline deadline) override {
    auto found = shards_->keys(after, most, deadline);
    return found && found->empty() && after.empty() ? shards_->none() : std::move(found);
  }
  [[nodiscard]] Result<std::vector<ShardFacts>> index(Deadline deadline) override {
    auto facts = shards_->index(deadline);
    return facts && facts->empty() ? shards_->none() : std::move(facts);
  }
  [[nodiscard]] Result<std::shared_ptr<const OpenShard>> open(const std::string& key,
                                                              Deadline deadline) override {
    return shards_->open(key, deadline);
  }
  [[nodiscard]] Result<std::unique_ptr<ShardDraft>> create(const std::string& /*key*/) override {
    return refused();
  }
  [[nodiscard]] Result<bool> remove(const std::string& /*key*/, Deadline /*deadline*/) override {
    return refused();
  }
  [[nodiscard]] Error none() const override { return shards_->none(); }

 private:
  [[nodiscard]] static Error refused() {
    return Error(Errc::unsupported, "these shards are only read; open them without `readonly+` to write");
  }

  const std::shared_ptr<ShardSource> shards_;
};

}  // namespace locum::storage
