#include <algorithm>
#include <utility>

#include "transport/storage/errors.hpp"
#include "transport/storage/wrappers/record_filter.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::storage {

namespace {

class SizeLimit final : public RecordFilter {
 public:
  using RecordFilter::RecordFilter;

 private:
  Result<NewRecord> to_store(const RecordKey& key, const NewRecord& record, Deadline /*deadline*/) override {
    if (record.bytes.size() > traits().largest_record) {
      return record_too_large("limit", record.bytes.size(), traits().largest_record).about(key.name);
    }
    return record;
  }
};

}  // namespace

Result<std::shared_ptr<Backend>> size_limited(std::shared_ptr<Backend> inner, std::uint64_t bytes) {
  // The registration of a store is a record, too.
  constexpr std::uint64_t least_bytes = 1024;
  if (bytes < least_bytes) {
    return Error(Errc::invalid_argument, "limit: needs limit.bytes, the most bytes of a record, from 1024");
  }
  BackendTraits traits = inner->traits();
  traits.largest_record = std::min(traits.largest_record, bytes);
  return std::make_shared<SizeLimit>(std::move(inner), traits);
}

}  // namespace locum::storage
