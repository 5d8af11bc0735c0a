#include "transport/storage/formats/h5/h5_attributes.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "transport/storage/formats/h5/h5_value.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/hdf5/dataset.hpp"

namespace locum::storage {

namespace {

const std::string h5_reading_attribute = "reading an attribute";

struct H5AttributeList {
  H5Budget* budget;
  std::vector<std::string> names;
};

herr_t add_h5_attribute(hid_t /*object*/, const char* name, const H5A_info_t* /*info*/, void* to) noexcept {
  H5AttributeList& list = *static_cast<H5AttributeList*>(to);
  try {
    list.budget->take_link();
    list.names.emplace_back(name);
    return 0;
  } catch (...) {
    return -1;
  }
}

/// Texts that HDF5 has made, which it frees.
class H5MadeTexts {
 public:
  H5MadeTexts(const Identifier& type, const Identifier& space, std::size_t count)
      : type_(type), space_(space), texts_(count) {}
  H5MadeTexts(const H5MadeTexts&) = delete;
  H5MadeTexts& operator=(const H5MadeTexts&) = delete;
  ~H5MadeTexts() {
#if H5_VERSION_GE(1, 12, 0)
    H5Treclaim(type_.get(), space_.get(), H5P_DEFAULT, texts_.data());
#else
    H5Dvlen_reclaim(type_.get(), space_.get(), H5P_DEFAULT, texts_.data());
#endif
  }

  [[nodiscard]] char** data() noexcept { return texts_.data(); }
  [[nodiscard]] std::span<const char* const> span() const noexcept { return texts_; }

 private:
  const Identifier& type_;
  const Identifier& space_;
  std::vector<char*> texts_;
};

Record h5_attribute_value(const Identifier& attribute, const H5Type& type, const Identifier& space,
                          const std::vector<std::uint64_t>& extents, std::uint64_t count) {
  std::vector<std::uint64_t> whole = extents;
  whole.insert(whole.end(), type.inner.begin(), type.inner.end());
  if (type.kind == H5Type::Kind::text) {
    if (count > h5_most_attribute_texts) {
      throw Error(Errc::unsupported,
                  "it has more than " + std::to_string(h5_most_attribute_texts) +
                      " texts, more than are loaded of an attribute; leave it out by the option skip = true");
    }
    H5MadeTexts texts(type.in_memory, space, static_cast<std::size_t>(count));
    if (count > 0) {
      check(H5Aread(attribute.get(), type.in_memory.get(), texts.data()), h5_reading_attribute);
    }
    return h5_nested_texts(h5_made_texts(texts.span()), extents);
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(count * type.stored_bytes));
  if (!bytes.empty()) {
    check(H5Aread(attribute.get(), type.in_memory.get(), bytes.data()), h5_reading_attribute);
  }
  switch (type.kind) {
    case H5Type::Kind::fixed_text:
      return h5_nested_texts(h5_fixed_texts(type, bytes), extents);
    case H5Type::Kind::bytes:
      return Record(Record::Bytes(bytes.begin(), bytes.end()));
    case H5Type::Kind::half:
    case H5Type::Kind::element: {
      auto draft = ArrayDraft::make(type.element, h5_extents(whole)).value();
      if (type.kind == H5Type::Kind::half) {
        widen_h5_halves(type, bytes, draft.bytes());
      } else {
        finish_h5_elements(type, bytes);
        std::ranges::copy(bytes, draft.bytes().begin());
      }
      return h5_scalar(std::move(draft).finish());
    }
    default:
      throw Error(Errc::unsupported, "it is " + type.description + ", which is no value of an attribute");
  }
}

Record h5_attribute(const Identifier& object, const std::string& name, const H5Options& options, bool is_info,
                    H5Budget& budget) {
  const Identifier attribute(H5Aopen(object.get(), name.c_str(), H5P_DEFAULT), H5Aclose,
                             h5_reading_attribute);
  const Identifier stored(H5Aget_type(attribute.get()), H5Tclose, h5_reading_attribute);
  const Identifier space(H5Aget_space(attribute.get()), H5Sclose, h5_reading_attribute);
  const H5Type type = h5_type_of(stored);
  std::vector<std::uint64_t> extents;
  if (H5Sget_simple_extent_type(space.get()) == H5S_NULL) {
    extents = {0};
  } else {
    const int rank = H5Sget_simple_extent_ndims(space.get());
    check(rank, h5_reading_attribute);
    std::vector<hsize_t> found(static_cast<std::size_t>(rank));
    check(H5Sget_simple_extent_dims(space.get(), found.data(), nullptr), h5_reading_attribute);
    extents.assign(found.begin(), found.end());
  }
  if (extents.size() + type.inner.size() > max_rank) {
    throw Error(Errc::unsupported, "it has more than 8 dimensions");
  }
  std::vector<std::uint64_t> whole = extents;
  whole.insert(whole.end(), type.inner.begin(), type.inner.end());
  static_cast<void>(h5_product(whole, std::max<std::uint64_t>(type.stored_bytes, 1)));
  if (is_info) {
    return h5_description(type, extents);
  }
  require_loadable_h5_type(type, options);
  charge_h5_values(type, extents, budget);
  return h5_attribute_value(attribute, type, space, extents, h5_product(extents, 1));
}

}  // namespace

Record read_h5_attributes(const Identifier& object, const H5Options& options, bool is_info,
                          H5Budget& budget) {
  H5AttributeList list{&budget, {}};
  hsize_t at = 0;
  check(H5Aiterate2(object.get(), H5_INDEX_NAME, H5_ITER_NATIVE, &at, add_h5_attribute, &list),
        "listing attributes");
  std::ranges::sort(list.names);
  Record members;
  for (const std::string& name : list.names) {
    try {
      members.set(name, h5_attribute(object, name, options, is_info, budget));
    } catch (const Error& error) {
      if (error.code() == Errc::unsupported && is_info) {
        members.set(name, Record::members({{"type", error.text()}}));
      } else if (error.code() != Errc::unsupported || !options.skips_others) {
        throw Error(error.code(), "its attribute " + quoted_name(name) + ": " + error.text(), error.detail());
      }
    }
  }
  return members;
}

}  // namespace locum::storage
