#include <algorithm>
#include <string>
#include <utility>

#include "transport/storage/wrappers/record_filter.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::storage {

namespace {

class Lifetime final : public RecordFilter {
 public:
  Lifetime(std::shared_ptr<Backend> inner, const LifetimeOptions& options)
      : RecordFilter(std::move(inner)), options_(options) {}

 private:
  Result<NewRecord> to_store(const RecordKey& key, const NewRecord& record, Deadline /*deadline*/) override {
    NewRecord limited = record;
    if (key.space.starts_with('@')) {
      return limited;  // which stores there are does not expire
    }
    if (limited.lifetime.count() == 0) {
      limited.lifetime = options_.otherwise;
    }
    if (options_.longest.count() != 0 &&
        (limited.lifetime.count() == 0 || limited.lifetime > options_.longest)) {
      limited.lifetime = options_.longest;
    }
    return limited;
  }

  const LifetimeOptions options_;
};

}  // namespace

Result<std::shared_ptr<Backend>> with_lifetime(std::shared_ptr<Backend> inner,
                                               const LifetimeOptions& options) {
  if (!inner->traits().expires) {
    return Error(Errc::unsupported, "ttl: " + std::string(inner->traits().scheme) +
                                        ": does not remove records at the end of their lifetime; choose a "
                                        "backend that does, see the table in docs/backends.md");
  }
  if (options.otherwise < options.otherwise.zero() || options.longest < options.longest.zero() ||
      (options.otherwise.count() == 0 && options.longest.count() == 0)) {
    return Error(Errc::invalid_argument,
                 "ttl: needs ttl.ms, the lifetime of records that have none, or ttl.longest_ms, or both");
  }
  return std::make_shared<Lifetime>(std::move(inner), options);
}

}  // namespace locum::storage
