// SPDX-License-Identifier: BSD-3-Clause
// State files, with their checksum made right so that what lies behind it is reached.
#include "base/siphash.hpp"
#include "lab.hpp"
#include "ruleset/registry.hpp"
#include "shard/owner.hpp"
#include "state/image.hpp"
#include "state/trust_sections.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mitibox;
  fuzz::begin("mitibox-fuzz-state");
  fuzz::Input input({data, size});
  const std::uint8_t how = input.u8();
  const auto rest = input.rest();
  if ((how & 1U) != 0) {  // what the registry of found services wrote
    Registry registry(fuzz::policy_of(how >> 1U));
    registry.restore({reinterpret_cast<const char*>(rest.data()), rest.size()});
    const std::string saved = registry.save();
    Registry again(fuzz::policy_of(how >> 1U));
    fuzz::must(again.restore(saved).empty(), "what was saved can be read");
    return 0;
  }
  Image image;
  if ((how & 2U) != 0) {
    const Image::Decoded decoded = Image::decode(std::as_bytes(rest));
    if (!decoded.image) return 0;
    image = *decoded.image;
  } else {  // sections as they come
    fuzz::Input sections(rest);
    constexpr std::array<const char*, 2> kNames{"trust.proven", "trust.unproven"};
    while (!sections.over()) {
      const std::uint8_t which = sections.u8();
      const auto bytes = sections.take(sections.u16());
      const auto raw = std::as_bytes(bytes);
      image.sections.push_back(
          {kNames[which % kNames.size()], which / 64U, {raw.begin(), raw.end()}});
    }
  }
  const Policy& policy = fuzz::policy_of(how >> 2U);
  const ReadTrust read = read_sections(image, policy, 7);
  fuzz::Lab lab(policy);
  lab.chain().restore(read.trust, read.cells, Now(std::chrono::hours(1)));
  lab.step(std::chrono::hours(1));
  return 0;
}
