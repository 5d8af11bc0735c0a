#include "core/detail/read.hpp"

#include <algorithm>
#include <functional>

#include "core/detail/decoded_cache.hpp"
#include "core/detail/session_state.hpp"
#include "core/ports/directory.hpp"
#include "core/raw_view.hpp"
#include "core/value/extents_text.hpp"
#include "core/value/metrics.hpp"

namespace locum::detail {

namespace {

std::uint64_t name_of(const ObjectView& object) {
  const ObjectFacts facts = object.facts();
  return facts.whole && !facts.name.empty() ? name_hash(facts.key.store, facts.name) : 0;
}

}  // namespace

// The tail may have been overwritten: then the size has to do.
Result<void> check_inner(const SessionState& session, const ObjectView& object,
                         std::span<const std::uint64_t> inner, std::string_view asked) {
  if (inner.empty()) {  // any extents will do
    return {};
  }
  const ObjectFacts facts = object.facts();
  const auto extents = facts.extents.span();
  if (facts.whole &&
      (extents.size() <= inner.size() || !std::ranges::equal(extents.last(inner.size()), inner))) {
    return session.type_mismatch(asked, object);
  }
  return {};
}

Result<void> check_array(const SessionState& session, const ObjectView& object, const ArrayType& type) {
  if (object.type_hash() != type.object.hash) {
    return session.type_mismatch(type.name, object);
  }
  if (object.bytes().size() % type.element_bytes != 0) {
    return session.wrong_size(type.object.name, object);
  }
  return check_inner(session, object, type.inner.span(), type.name);
}

RawView raw_view(SessionState& session, ObjectView&& object) {
  session.metrics().count_read(object.path(), object.bytes().size());
  return RawView(std::move(object));
}

Result<std::size_t> copy_elements(SessionState& session, const ObjectView& object, const ArrayType& type,
                                  const StridedBytes& into, Fit fit) {
  if (const auto right = check_array(session, object, type); !right) {
    return right.error();
  }
  const std::span<const std::byte> bytes = object.bytes();
  const auto refused = [&](const std::string& has) {
    return session.explain(
        object,
        Error(Errc::invalid_argument,
              "there are " + has + " elements to read, the memory is for " + extents_text(into.extents) +
                  "; its metadata has the extents of the object; or read a part or a slab of it"));
  };
  const std::size_t count = bytes.size() / into.element_bytes;
  StridedBytes target = into;
  if (type.is_value) {
    if (count != 1) {
      return session.wrong_size(type.name, object);
    }
  } else if (fit == Fit::at_least) {
    if (count > into.extents[0]) {
      return refused(std::to_string(count));
    }
    target.extents = Extents(count);
  } else {
    const ObjectFacts facts = object.facts();
    Extents extents = facts.whole ? facts.extents : Extents();
    extents.rank =
        static_cast<std::uint8_t>(extents.rank > type.inner.size() ? extents.rank - type.inner.size() : 0);
    if (fit == Fit::elements || !extents.has(count)) {  // which may have been overwritten
      extents = Extents(count);
    }
    if (extents != into.extents) {
      return refused(extents_text(extents));
    }
  }
  if (count != 0 && bytes.data() != into.first) {  // else received there
    unpack(bytes.data(), target);
  }
  session.metrics().count_read(path_of_copy(object.path()), bytes.size());
  return count;
}

Result<std::shared_ptr<const void>> decoded_value(SessionState& session, const ObjectView& object,
                                                  const void* tag, const DecodedHow& how,
                                                  const DecodeBytes& decode) {
  Metrics& metrics = session.metrics();
  const auto decode_and_count = [&]() -> Result<DecodedCache::Made> {
    auto value = decode();
    if (!value) {
      return session.explain(object.key(), value.error());
    }
    metrics.count_read(path_of_copy(object.path()), object.bytes().size());
    Metrics::increment(metrics.decodes);
    return DecodedCache::Made{std::move(*value), name_of(object)};
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
