#include <utility>

#include "transport/storage/wrappers/wrapper.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::storage {

namespace {

class ReadOnly final : public Wrapper {
 public:
  using Wrapper::Wrapper;

  Result<void> store(const RecordKey& key, const NewRecord& /*record*/, Deadline /*deadline*/) override {
    return refusal("stored", key.name);
  }
  Result<bool> remove(const RecordKey& key, std::uint64_t /*revision*/, Deadline /*deadline*/) override {
    return refusal("removed", key.name);
  }
  Result<std::uint64_t> drop(std::string_view space, Deadline /*deadline*/) override {
    return refusal("dropped", space);
  }

 private:
  static Error refusal(const std::string& what, std::string_view key) {
    return Error(Errc::unsupported, "readonly: nothing is " + what +
                                        " through this URL; open it without readonly+ to change what it "
                                        "keeps")
        .about(key);
  }
  void store_all(std::span<const RecordKey> keys, std::span<const NewRecord> /*records*/,
                 std::span<Result<void>> stored, Deadline /*deadline*/) override {
    for (std::size_t at = 0; at < keys.size(); ++at) {
      stored[at] = refusal("stored", keys[at].name);
    }
  }
  void remove_all(std::span<const RecordKey> keys, std::span<Result<bool>> removed,
                  Deadline /*deadline*/) override {
    for (std::size_t at = 0; at < keys.size(); ++at) {
      removed[at] = refusal("removed", keys[at].name);
    }
  }
};

}  // namespace

std::shared_ptr<Backend> read_only(std::shared_ptr<Backend> inner) {
  return std::make_shared<ReadOnly>(std::move(inner));
}

}  // namespace locum::storage
