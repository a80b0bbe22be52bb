// SPDX-License-Identifier: BSD-3-Clause
/// What stands before the body of every answer.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace mitibox {

struct HttpAnswer {
  int status = 200;
  std::string_view type;                    ///< Content-Type; must outlive the answer
  std::shared_ptr<const std::string> body;  ///< never nullptr; shared among all who ask for it
};

/// Status line and header fields: a browser may load nothing from elsewhere, run no script but the
/// box's own, show it in no frame, and keep nothing.
std::string http_head(const HttpAnswer& answer, bool closes);

/// A status with its own name as text.
HttpAnswer http_error(int number);

}  // namespace mitibox
