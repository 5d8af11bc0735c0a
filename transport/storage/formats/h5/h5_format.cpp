#include "transport/storage/formats/h5/h5_format.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "transport/storage/formats/h5/h5_elements.hpp"
#include "transport/storage/formats/h5/h5_save.hpp"
#include "transport/storage/formats/h5/h5_tree.hpp"
#include "transport/storage/formats/h5/h5_value.hpp"
#include "transport/storage/formats/text/format_call.hpp"

namespace locum::storage {

namespace {

constexpr std::array<std::string_view, 2> h5_endings{".h5", ".hdf5"};
constexpr std::array<FormatOption, 7> h5_format_options{
    {{"dataset",
      "loading: the path of a dataset, as 'fields/T', which is loaded alone: its value, not members; "
      "saving what has no members: its path ('data')"},
     {"attributes",
      "true loads and saves attributes: a group has a member '@attributes', with those of each of "
      "its members under its name, and its own under '.'"},
     {"skip",
      "true leaves out members that are no values (links to other files, references and the like) "
      "instead of an error"},
     {"half", "\"f32\" loads floating-point numbers of 16 bits as f32, which is exact"},
     {"sparse", "true loads datasets of which less than a thousandth is in the file"},
     {"compression", "saves arrays by deflate, shuffled: 1 (fast) to 9 (small)"},
     {"chunks", "saving: the extents of the chunks of arrays of as many dimensions"}}};
constexpr FormatTraits h5_traits{
    .name = "h5",
    .endings = h5_endings,
    .holds = "groups and datasets of HDF5: arrays, numbers and texts under names",
    .options = h5_format_options,
};

/// The groups and datasets of a file, whose types HDF5 closes in a turn.
class H5Contents {
 public:
  H5Contents(FileBytes& bytes, const H5Options& options, bool is_info)
      : input_(bytes), options_(options), is_info_(is_info) {}
  H5Contents(const H5Contents&) = delete;
  H5Contents& operator=(const H5Contents&) = delete;
  ~H5Contents() {
    const H5Turn turn;
    root_ = {};
  }

  /// Calls `use(node, file, input)` for the root, or the dataset of the options.
  template <class Use>
  Record operator()(const Use& use) {
    try {
      const H5File file(input_, H5File::Mode::read);
      H5Budget budget(input_.size_bytes(), options_.is_sparse);
      H5Tree tree(file, options_, is_info_, budget);
      root_ = options_.has_dataset ? tree.only() : tree.root();
      return use(root_, file, input_);
    } catch (const Error& error) {
      throw input_.error(error);
    }
  }

 private:
  H5Input input_;
  const H5Options& options_;
  const bool is_info_;
  H5Node root_;
};

/// Returns the members of a group, each as `value(node)` makes it, and its attributes.
template <class Value>
Record h5_members(const H5Node& group, const Value& value) {
  Record members = Record::members({});
  Record attributes;
  if (!group.attributes.is_null()) {
    attributes.set(h5_own_attributes, group.attributes);
  }
  for (const H5Node& node : group.members) {
    members.set(node.name, value(node));
    if (node.dataset && !node.attributes.is_null()) {
      attributes.set(node.name, node.attributes);
    }
  }
  if (!attributes.is_null()) {
    if (members.members().find(h5_attributes_member) != nullptr) {
      throw Error(Errc::unsupported,
                  "a group has a member of the name '@attributes'; load it without attributes = true");
    }
    members.set(h5_attributes_member, std::move(attributes));
  }
  return members;
}

Record h5_with_attributes(const H5Node& node, Record value, std::string_view name) {
  return node.attributes.is_null() ? value
                                   : Record::members({{std::string(name), std::move(value)},
                                                      {std::string(h5_attributes_member), node.attributes}});
}

Record h5_loaded(const H5Node& node, const H5Elements& elements) {
  return node.dataset
             ? elements.read(*node.dataset)
             : h5_members(node, [&elements](const H5Node& member) { return h5_loaded(member, elements); });
}

Record h5_told(const H5Node& node) {
  if (!node.refusal.empty()) {
    return Record::members({{"type", node.refusal}});
  }
  return node.dataset ? h5_description(node.dataset->type, node.dataset->extents) : h5_members(node, h5_told);
}

class H5Format final : public Format {
 public:
  [[nodiscard]] const FormatTraits& traits() const noexcept override { return h5_traits; }
  [[nodiscard]] bool recognises(std::span<const std::byte> first) const noexcept override {
    constexpr std::string_view magic("\x89HDF\r\n\x1a\n", 8);
    return first.size() >= magic.size() &&
           std::ranges::equal(first.first(magic.size()), std::as_bytes(std::span(magic)));
  }
  [[nodiscard]] Result<Record> load(FileBytes& file, const Record& options,
                                    const MakeArray& make) const override {
    return format_call([&]() -> Result<Record> {
      const H5Options chosen = H5Options::of(options).value();
      return H5Contents(file, chosen,
                        false)([&](const H5Node& root, const H5File& opened, const H5Input& input) {
        Record value = h5_loaded(root, H5Elements(opened, input, make));
        return chosen.has_dataset ? h5_with_attributes(root, std::move(value), "data") : value;
      });
    });
  }
  [[nodiscard]] Result<void> save(const Record& value, FileDraft& file,
                                  const Record& options) const override {
    return format_call([&]() -> Result<void> {
      save_h5(value, file, H5Options::of(options).value());
      return {};
    });
  }
  [[nodiscard]] Result<Record> info(FileBytes& file, const Record& options) const override {
    return format_call([&]() -> Result<Record> {
      const H5Options chosen = H5Options::of(options).value();
      return H5Contents(file, chosen, true)([&](const H5Node& root, const H5File&, const H5Input&) {
        return chosen.has_dataset ? h5_with_attributes(root, h5_told(root), "data") : h5_told(root);
      });
    });
  }
};

}  // namespace

std::shared_ptr<const Format> h5_format() {
  return std::make_shared<const H5Format>();
}

}  // namespace locum::storage
