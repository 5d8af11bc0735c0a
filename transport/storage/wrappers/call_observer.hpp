#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "transport/storage/wrappers/wrapper.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::storage {

/// A call of a backend that has returned.
struct SeenCall {
  BackendCall call = BackendCall::load;
  std::string_view space;
  std::string_view name;    ///< or the prefix that was listed; empty of a whole space
  std::uint64_t bytes = 0;  ///< loaded or stored
  std::chrono::nanoseconds time{0};
  Errc outcome{};  ///< `Errc{}`: it was done
  /// Whether there was nothing to remove.
  bool was_absent = false;
};

/// "done", "absent", or the name of the error's code.
[[nodiscard]] std::string_view outcome_of(const SeenCall& seen) noexcept;

/// A wrapper that watches all calls but waits. Each record of a batch is a call, which takes the time of the
/// batch.
class CallObserver : public Wrapper {
 public:
  using Wrapper::Wrapper;

  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) final;
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) final;
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) final;
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) final;
  Result<std::uint64_t> drop(std::string_view space, Deadline deadline) final;

 protected:
  /// An error takes the place of the outcome of a call that was done.
  virtual Result<void> see(const SeenCall& seen) = 0;

 private:
  template <class T>
  Result<T> report(SeenCall seen, std::chrono::steady_clock::time_point since, Result<T> outcome);
  void load_all(std::span<const RecordKey> keys, std::uint64_t last_bytes,
                std::span<Result<LoadedRecord>> loaded, Deadline deadline) final;
  void store_all(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                 std::span<Result<void>> stored, Deadline deadline) final;
  void remove_all(std::span<const RecordKey> keys, std::span<Result<bool>> removed, Deadline deadline) final;
};

}  // namespace locum::storage
