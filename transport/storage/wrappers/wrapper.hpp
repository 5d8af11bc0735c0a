#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ports/backend.hpp"

namespace locum::storage {

/// A backend over another one. This class forwards everything; those derived from it override what they
/// change. It has batches if the inner backend has them: then the calls `…_all` are made.
class Wrapper : public Backend {
 public:
  explicit Wrapper(std::shared_ptr<Backend> inner) : inner_(std::move(inner)), traits_(inner_->traits()) {}
  Wrapper(std::shared_ptr<Backend> inner, const BackendTraits& traits)
      : inner_(std::move(inner)), traits_(traits) {}

  const BackendTraits& traits() const noexcept final { return traits_; }
  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override;
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override;
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override;
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override;
  Result<std::uint64_t> drop(std::string_view space, Deadline deadline) override;
  void await(const RecordKey& key, Deadline until) override;
  RecordBatches* batches() noexcept final;

 protected:
  [[nodiscard]] Backend& inner() const noexcept { return *inner_; }
  /// Removes the records that list() has by remove(): where not all of a space is this wrapper's.
  [[nodiscard]] Result<std::uint64_t> drop_what_is_listed(std::string_view space, Deadline deadline) {
    return Backend::drop(space, deadline);
  }
  /// The calls of batches(). REQUIRES: the inner backend has them.
  virtual void load_all(std::span<const RecordKey> keys, std::uint64_t last_bytes,
                        std::span<Result<LoadedRecord>> loaded, Deadline deadline);
  virtual void store_all(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                         std::span<Result<void>> stored, Deadline deadline);
  virtual void remove_all(std::span<const RecordKey> keys, std::span<Result<bool>> removed,
                          Deadline deadline);

 private:
  class Together final : public RecordBatches {
   public:
    explicit Together(Wrapper& wrapper) noexcept : wrapper_(wrapper) {}
    void load(std::span<const RecordKey> keys, std::uint64_t last_bytes,
              std::span<Result<LoadedRecord>> loaded, Deadline deadline) override {
      wrapper_.load_all(keys, last_bytes, loaded, deadline);
    }
    void store(std::span<const RecordKey> keys, std::span<const NewRecord> records,
               std::span<Result<void>> stored, Deadline deadline) override {
      wrapper_.store_all(keys, records, stored, deadline);
    }
    void remove(std::span<const RecordKey> keys, std::span<Result<bool>> removed,
                Deadline deadline) override {
      wrapper_.remove_all(keys, removed, deadline);
    }

   private:
    Wrapper& wrapper_;
  };

  const std::shared_ptr<Backend> inner_;
  const BackendTraits traits_;
  Together together_{*this};
};

}  // namespace locum::storage
