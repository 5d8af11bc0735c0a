#include <string>
#include <utility>

#include "transport/storage/wrappers/wrapper.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::storage {

namespace {

BackendTraits traits_with_default(BackendTraits traits, std::string_view name) noexcept {
  traits.default_name = name;
  return traits;
}

/// Its traits name the default, which who reads objects then looks for: only there is known whether a call is
/// to show an object, or to say what is there.
class DefaultValue final : public Wrapper {
 public:
  DefaultValue(std::shared_ptr<Backend> inner, const BackendTraits& traits,
               std::unique_ptr<const std::string> name)
      : Wrapper(std::move(inner), traits), name_(std::move(name)) {}

 private:
  const std::unique_ptr<const std::string> name_;  ///< what the traits refer to
};

}  // namespace

Result<std::shared_ptr<Backend>> with_default(std::shared_ptr<Backend> inner, std::string name) {
  if (name.empty()) {
    return Error(Errc::invalid_argument,
                 "default: needs default.name, the name of the object that is shown in place of those that "
                 "are not there");
  }
  auto kept = std::make_unique<const std::string>(std::move(name));
  const BackendTraits traits = traits_with_default(inner->traits(), *kept);
  return std::make_shared<DefaultValue>(std::move(inner), traits, std::move(kept));
}

}  // namespace locum::storage
