// Stands in for https://js.tosspayments.com/v2/standard. Same calls, same redirects, no money.
(function () {
  "use strict";
  var origin = new URL(document.currentScript.src).origin;
  var knownKeys = __CLIENT_KEYS__;

  function failure(code, message) {
    var error = new Error(message);
    error.code = code;
    return error;
  }

  function isWebAddress(text) {
    try {
      var protocol = new URL(text).protocol;
      return protocol === "http:" || protocol === "https:";
    } catch (_) {
      return false;
    }
  }

  function objection(clientKey, request) {
    if (knownKeys.indexOf(clientKey) < 0) {
      return failure("INVALID_CLIENT_KEY", "잘못된 클라이언트 연동 정보 입니다.");
    }
    if (!request.amount || !(request.amount.value > 0)) {
      return failure("BELOW_ZERO_AMOUNT", "금액은 0보다 커야 합니다.");
    }
    if (!/^[A-Za-z0-9_=-]{6,64}$/.test(request.orderId || "")) {
      return failure("INVALID_ORDER_ID", "`orderId`는 6자 이상 64자 이하여야 합니다.");
    }
    if (!request.successUrl && !request.failUrl) {
      return failure("NOT_SUPPORTED_PROMISE", "시뮬레이터는 successUrl과 failUrl이 필요합니다.");
    }
    if (!isWebAddress(request.successUrl)) {
      return failure("INCORRECT_SUCCESS_URL_FORMAT", "잘못된 successUrl 입니다.");
    }
    if (!isWebAddress(request.failUrl)) {
      return failure("INCORRECT_FAIL_URL_FORMAT", "잘못된 failUrl 입니다.");
    }
    return null;
  }

  function openWindow(clientKey, customerKey, request) {
    var refused = objection(clientKey, request);
    if (refused) {
      return Promise.reject(refused);
    }
    var query = new URLSearchParams({
      clientKey: clientKey,
      customerKey: customerKey || "",
      method: request.method || "CARD",
      amount: String(request.amount.value),
      currency: request.amount.currency || "KRW",
      orderId: request.orderId,
      orderName: request.orderName || "",
      customerName: request.customerName || "",
      successUrl: request.successUrl,
      failUrl: request.failUrl
    });
    window.location.assign(origin + "/_window/open?" + query.toString());
    // The page is about to go away, as with the real script: nothing ever settles this.
    return new Promise(function () {});
  }

  function placeholder(selector, text) {
    var target = document.querySelector(selector);
    if (!target) {
      return Promise.reject(failure("INVALID_SELECTOR", "요소를 찾을 수 없습니다: " + selector));
    }
    target.textContent = text;
    return Promise.resolve({ on: function () {}, destroy: function () { target.textContent = ""; return Promise.resolve(); } });
  }

  function widgets(clientKey, customerKey) {
    var amount = null;
    return {
      setAmount: function (value) { amount = value; return Promise.resolve(); },
      renderPaymentMethods: function (options) {
        return placeholder(options.selector, "결제수단은 다음 화면(테스트 결제창)에서 고릅니다.");
      },
      renderAgreement: function (options) { return placeholder(options.selector, "테스트 결제: 약관이 없습니다."); },
      requestPayment: function (request) {
        if (!amount) {
          return Promise.reject(failure("NOT_SETUP_AMOUNT", "setAmount를 먼저 호출해주세요."));
        }
        return openWindow(clientKey, customerKey, Object.assign({}, request, { amount: amount }));
      }
    };
  }

  function TossPayments(clientKey) {
    return {
      payment: function (options) {
        return {
          requestPayment: function (request) {
            return openWindow(clientKey, options && options.customerKey, request || {});
          }
        };
      },
      widgets: function (options) { return widgets(clientKey, options && options.customerKey); }
    };
  }

  TossPayments.ANONYMOUS = "@@ANONYMOUS";
  window.TossPayments = TossPayments;
})();
