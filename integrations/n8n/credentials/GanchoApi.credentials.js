'use strict';

/** How to reach a Gancho: its URL and an admin's token. */
class GanchoApi {
  name = 'ganchoApi';
  displayName = 'Gancho API';
  properties = [
    {
      displayName: 'URL',
      name: 'url',
      type: 'string',
      default: '',
      placeholder: 'https://gancho.example.com',
      description: 'Where Gancho is, as you open it in the browser',
      required: true,
    },
    {
      displayName: 'Token',
      name: 'token',
      type: 'string',
      typeOptions: { password: true },
      default: '',
      description: 'A token of the scope admin: in Gancho under Settings, Tokens, or by "gancho token create"',
      required: true,
    },
  ];
  authenticate = {
    type: 'generic',
    properties: { headers: { Authorization: '=Bearer {{$credentials.token}}' } },
  };
  test = {
    request: { baseURL: '={{$credentials.url.replace(/\\/+$/, "")}}', url: '/api/v1/endpoints', qs: { limit: 1 } },
  };
}

module.exports = { GanchoApi };
