#include "core/detail/read.hpp"

#include <algorithm>
#include <functional>

#include "core/metrics.hpp"
#include "core/ports/directory.hpp"

namespace locum::detail {

namespace {

std::uint64_t name_of(const ObjectView& object) {
  const ObjectFacts facts = object.facts();
  return facts.whole && !facts.name.empty() ? name_hash(facts.key.store, facts.name) : 0;
}

}  // namespace

// What stands behind the payload may have been overwritten: then its size has to do.
Result<void> check_inner(const Session& session, const ObjectView& object,
                         std::span<const std::uint64_t> inner, std::string_view asked) {
  const ObjectFacts facts = object.facts();
  const auto extents = facts.extents.span();
  if (facts.whole &&
      (extents.size() <= inner.size() || !std::ranges::equal(extents.last(inner.size()), inner))) {
    return session.type_mismatch(asked, object);
  }
  return {};
}

Result<std::shared_ptr<const void>> decoded_value(Session& session, const ObjectView& object, const void* tag,
                                                  const DecodedHow& how, const DecodeBytes& decode) {
  Metrics& metrics = session.metrics();
  const auto decode_and_count = [&]() -> Result<DecodedCache::Made> {
    auto value = decode();
    if (!value) {
      return session.explain(object.key(), value.error());
    }
    metrics.count_read(path_of_copy(object.path()), object.bytes().size());
    Metrics::increment(metrics.decodes);
    return DecodedCache::Made{*std::move(value), name_of(object)};
  };
  const auto explained = [&](const Error& error) {
    return error.rank() >= 0 ? error : session.explain(object.key(), error);
  };
  const auto until = how.deadline.moment(session.options().options.timeout);
  if (!how.kept) {
    auto made = session.decoded().decode_alone(object.key(), tag, std::cref(decode_and_count), until);
    return made ? Result<std::shared_ptr<const void>>(std::move(made->value)) : explained(made.error());
  }
  auto value =
      session.decoded().get(object.key(), tag, object.bytes().size(), std::cref(decode_and_count), until);
  if (!value) {
    return explained(value.error());
  }
  if (value->found) {
    metrics.count_read(Path::shm_view, object.bytes().size());
    Metrics::increment(metrics.decoded_hits);
  }
  return std::move(value->value);
}

}  // namespace locum::detail
