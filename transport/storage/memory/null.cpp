#include <string>
#include <utility>
#include <vector>

#include "transport/storage/memory/simple.hpp"
#include "transport/storage/memory/traits.hpp"

namespace locum::storage {

namespace {

/// It does keep which stores there are: else none could be opened.
class Null final : public Backend {
 public:
  explicit Null(std::shared_ptr<Backend> registry) : registry_(std::move(registry)) {}

  const BackendTraits& traits() const noexcept override { return backends::null; }
  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override {
    return is_system(key.space) ? registry_->load(key, last_bytes, deadline) : no_such_object();
  }
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override {
    return is_system(key.space) ? registry_->store(key, record, deadline) : Result<void>();
  }
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override {
    return is_system(key.space) ? registry_->remove(key, revision, deadline) : false;
  }
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override {
    return is_system(space) ? registry_->list(space, prefix, deadline)
                            : Result<std::vector<std::string>>(std::in_place);
  }

 private:
  static bool is_system(std::string_view space) noexcept { return space.starts_with('@'); }

  const std::shared_ptr<Backend> registry_;
};

}  // namespace

Result<std::shared_ptr<Backend>> open_null(const Url& url) {
  auto registry = open_simple(url);
  return registry ? Result<std::shared_ptr<Backend>>(std::make_shared<Null>(std::move(*registry)))
                  : registry.error();
}

}  // namespace locum::storage
