#include "transport/storage/formats/left_out_format.hpp"

#include <utility>

#include "transport/storage/backend_list.hpp"

namespace locum::storage {

namespace {

class LeftOutFormat final : public Format {
 public:
  LeftOutFormat(std::string_view name, std::vector<std::string_view> endings, std::string_view option,
                std::string_view package)
      : endings_(std::move(endings)), option_(option), package_(package) {
    traits_.name = name;
    traits_.endings = endings_;
    traits_.holds = "left out of this build";
  }

  [[nodiscard]] const FormatTraits& traits() const noexcept override { return traits_; }
  [[nodiscard]] bool recognises(std::span<const std::byte> /*first*/) const noexcept override {
    return false;
  }
  [[nodiscard]] Result<Record> load(FileBytes& /*file*/, const Record& /*options*/,
                                    const MakeArray& /*make*/) const override {
    return missing();
  }
  [[nodiscard]] Result<void> save(const Record& /*value*/, FileDraft& /*file*/,
                                  const Record& /*options*/) const override {
    return missing();
  }
  [[nodiscard]] Result<Record> info(FileBytes& /*file*/, const Record& /*options*/) const override {
    return missing();
  }

 private:
  [[nodiscard]] Error missing() const { return not_in_build(traits_.name, option_, package_); }

  const std::vector<std::string_view> endings_;
  const std::string_view option_;
  const std::string_view package_;
  FormatTraits traits_;
};

}  // namespace

std::shared_ptr<const Format> left_out_format(std::string_view name, std::vector<std::string_view> endings,
                                              std::string_view option, std::string_view package) {
  return std::make_shared<const LeftOutFormat>(name, std::move(endings), option, package);
}

}  // namespace locum::storage
