#include "core/read.hpp"

#include <functional>

#include "core/metrics.hpp"

namespace locum::detail {

Result<std::shared_ptr<const void>> decoded_value(Session& session, const ObjectView& object, const void* tag,
                                                  bool keep_decoded, const DecodedCache::Decode& decode) {
  Metrics& metrics = session.metrics();
  const auto decode_and_count = [&]() -> Result<std::shared_ptr<const void>> {
    auto value = decode();
    if (!value) {
      return session.explain(object.key(), value.error());
    }
    metrics.count_read(path_of_copy(object.path()), object.bytes().size());
    Metrics::increment(metrics.decodes);
    return value;
  };
  if (!keep_decoded) {
    return decode_and_count();
  }
  auto value = session.decoded().get(object.key(), tag, object.bytes().size(), std::cref(decode_and_count));
  if (!value) {
    return value.error();
  }
  if (value->found) {
    metrics.count_read(Path::shm_view, object.bytes().size());
    Metrics::increment(metrics.decoded_hits);
  }
  return std::move(value->value);
}

}  // namespace locum::detail
